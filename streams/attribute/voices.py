"""How customers write about a kind of change, whichever company it is: of a price they say 'expensive', of a bot 'human'.

Words of general use, stated once and learnt from no data. A release or an incident has no such voice: its customers
say what is broken.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.raw import ChangeKind
from stats.words import slot, words

Ids = NDArray[np.int64]
SAID: dict[ChangeKind, str] = {
    "price": """
price prices pricing priced expensive cost costs costly fee fees charge charges tariff increase increases increased raise raised
hike afford affordable overpriced cheaper
preis preise teuer teurer teure erhöhung preiserhöhung kosten kostet gebühr gebühren tarif aufschlag günstiger
precio precios caro cara subida subido sube aumento aumentado tarifa tarifas cuesta cuestan coste cuota barato
prix cher chère augmentation augmenté hausse coûte coûtent coût tarif frais
""",
    "promotion": """
promo promotion promotional code coupon voucher discount discounted offer offers deal sale bonus redeem advertised campaign gift
aktion rabatt gutschein gutscheincode aktionscode angebot einlösen bonus prämie werbung
promoción descuento oferta ofertas cupón código canjear bono regalo campaña anuncio
promo promotion code coupon bon réduction remise offre cadeau publicité
""",
    "policy": """
policy policies terms conditions rule rules consent accept agree agreement privacy requirement required mandatory unfair
bedingungen geschäftsbedingungen agb regel regeln regelung richtlinie zustimmen zustimmung einwilligung datenschutz pflicht
condiciones términos norma normas regla reglas política consentimiento aceptar obligatorio privacidad
conditions règle règles politique règlement consentement accepter obligatoire
""",
    "automation": """
bot chatbot robot human humans person people agent representative automated automatic automatically menu loop circles
bot chatbot roboter mensch menschen mitarbeiter automat automatik automatisch menü schleife
bot chatbot robot humano humana persona agente automático automática menú
bot chatbot robot humain humaine personne conseiller automatique menu
""",
    "capacity": """
wait waiting waited queue hold hours reply replied response respond answer answered unanswered callback reach nobody
warte warten wartet wartezeit warteschleife stunden antwort antwortet rückruf erreichbar niemand
espera esperar esperando cola horas respuesta responde responden contesta contestan nadie
attente attends attendre file heures réponse répond répondu personne joignable
""",
}
"""English, German, Spanish and French words by kind of change."""


class Voice(NamedTuple):
    """Share of the contacts that use a kind's words, in a spike and usually on its slice."""

    now: float
    usual: float


@lru_cache(maxsize=16)
def voice_slots(kind: ChangeKind) -> Ids:
    """Slots of a kind's words, sorted; none for a kind without a voice."""
    return np.array(sorted({slot(word) for word in words(SAID.get(kind, ""))} - {-1}), dtype=np.int64)
