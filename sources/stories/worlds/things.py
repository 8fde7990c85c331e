"""What the companies of the worlds offer: things by family, as the company calls them and as customers do.

Each line is ``topic; official name; English synonyms; German; Spanish``, alternatives parted by ``|``.
"""

from __future__ import annotations

from typing import NamedTuple


class Thing(NamedTuple):
    """Something that changes are made to and customers write about. ``says``: its names by language."""

    topic: str
    official: str
    says: dict[str, tuple[str, ...]]


def _things(lines: str) -> tuple[Thing, ...]:
    found = []
    for text in lines.strip().splitlines():
        topic, official, *names = (part.strip() for part in text.split(";"))
        says = {language: tuple(part.split("|")) for language, part in zip(("en", "de", "es"), names, strict=True)}
        found.append(Thing(topic, official, says))
    return tuple(found)


SHOP = _things("""
payment; card form; card form|card field|credit card; Kartenformular|Kreditkarte; formulario de tarjeta|tarjeta
payment; instalment plan; instalments|pay later|paying monthly; Ratenzahlung|Raten; pago a plazos|cuotas
payment; wallet; wallet|balance|store credit; Guthaben|Geldbeutel; monedero|saldo
delivery; slot calendar; delivery slot|time window|calendar; Zeitfenster|Lieferkalender; franja|calendario
delivery; parcel locker; locker|pickup box|pickup station; Packstation|Abholfach; taquilla|consigna
delivery; courier tracking; tracking|parcel status|where my parcel is; Sendungsverfolgung|Paketstatus; seguimiento|estado del paquete
returns; photo upload; photo|picture|upload; Foto|Bild hochladen; foto|subir imagen
returns; return label; label|return slip|QR code; Retourenschein|Etikett; etiqueta|devolución
account; face sign-in; fingerprint|face login|biometrics; Fingerabdruck|Gesichtserkennung; huella|acceso con cara
account; address book; saved addresses|address book|my address; Adressbuch|Adressen; direcciones|libreta
voucher; loyalty points; points|bonus points|rewards; Punkte|Bonuspunkte; puntos|recompensas
voucher; gift card; gift card|gift voucher; Geschenkkarte; tarjeta regalo
voucher; referral bonus; friend bonus|invite bonus; Freundschaftsbonus|Einladung; bono de amigo|invitación
search; size guide; size chart|sizes|fitting; Größentabelle|Größen; tallas|guía de tallas
search; wish list; wish list|favourites|saved items; Wunschliste|Merkzettel; lista de deseos|favoritos
""")

BANK = _things("""
cards; virtual card; virtual card|online card number; virtuelle Karte; tarjeta virtual
cards; card freeze; frozen card|blocked card|freeze; Kartensperre|gesperrte Karte; tarjeta bloqueada|bloqueo
cards; contactless limit; tap limit|contactless; kontaktlos|Limit; contactless|límite sin contacto
transfers; instant transfer; instant payment|fast transfer; Echtzeitüberweisung; transferencia inmediata
transfers; standing order; standing order|recurring transfer; Dauerauftrag; orden permanente|transferencia periódica
transfers; payee check; payee name|name check|recipient; Empfängerprüfung|Empfänger; beneficiario|comprobación
fees; overdraft fee; overdraft|negative balance charge; Überziehung|Dispo; descubierto
fees; account fee; monthly fee|account charge; Kontoführungsgebühr|Kontogebühr; comisión mensual|cuota de cuenta
fees; exchange rate; exchange rate|currency markup; Wechselkurs|Umrechnung; tipo de cambio|divisa
identity; identity check; identity check|passport photo|verification; Ausweisprüfung|Identifizierung; verificación de identidad|pasaporte
identity; security code; security code|TAN|one-time code; Sicherheitscode|TAN; código de seguridad|clave
savings; savings rate; savings interest|rate on savings; Sparzins|Zinsen; interés del ahorro|rentabilidad
savings; round-up pot; round-up|savings pot|spare change; Aufrunden|Spartopf; redondeo|hucha
loans; loan calculator; loan|loan offer|credit calculator; Kreditrechner|Kredit; préstamo|calculadora
statements; statement export; statement|PDF export|account history; Kontoauszug|Export; extracto|exportación
""")

GAMES = _things("""
matches; ranked queue; ranked|matchmaking|queue; Rangliste|Warteschlange; clasificatoria|cola
matches; anti-cheat; anti-cheat|kicked for cheating|false ban; Cheat-Schutz|Bann; antitrampas|baneo
matches; voice chat; voice chat|microphone|team voice; Sprachchat|Mikrofon; chat de voz|micrófono
purchases; battle pass; battle pass|season pass; Battle Pass|Saisonpass; pase de batalla|pase de temporada
purchases; gem pack; gems|gem bundle|premium currency; Edelsteine|Juwelen; gemas|paquete de gemas
purchases; loot chest; chest|loot box|drop rates; Truhe|Beutekiste; cofre|caja de botín
progress; cloud save; save game|lost progress|cloud save; Spielstand|Fortschritt; partida guardada|progreso
progress; daily quest; daily quest|missions|quest reset; Tagesaufgabe|Mission; misión diaria|reinicio
progress; guild hall; guild|clan|guild hall; Gilde|Klan; gremio|clan
events; summer tournament; tournament|cup|event rewards; Turnier|Pokal; torneo|copa
events; anniversary gift; anniversary gift|birthday reward; Jubiläumsgeschenk; regalo de aniversario
technical; shader cache; stutter|shaders|frame drops; Ruckeln|Shader; tirones|sombreadores
technical; crossplay; crossplay|playing with console friends; Crossplay|Konsolenfreunde; juego cruzado|consola
technical; patch download; patch|update size|download loop; Patch|Aktualisierung lädt; parche|descarga
account; account merge; account link|merge|two accounts; Kontoverknüpfung|zwei Konten; vincular cuenta|dos cuentas
""")

TRAVEL = _things("""
booking; seat map; seat map|seat plan|choosing seats; Sitzplan|Sitzplatz; mapa de asientos|asiento
booking; fare family; fare|basic fare|ticket class; Tarif|Basistarif; tarifa|clase de billete
booking; name correction; name change|misspelt name|correction; Namensänderung|falscher Name; cambio de nombre|corrección
checkin; mobile boarding pass; boarding pass|gate pass|pass in my phone; Bordkarte|Handykarte; tarjeta de embarque
checkin; passport scan; passport scan|document scan; Passkontrolle|Ausweis scannen; escanear pasaporte
baggage; cabin bag rule; cabin bag|hand luggage|carry-on; Handgepäck|Kabinengepäck; equipaje de mano|maleta de cabina
baggage; lost bag desk; lost bag|missing suitcase|luggage; Koffer verloren|Gepäck; maleta perdida|equipaje
refunds; refund portal; refund|money back|reimbursement; Erstattung|Rückzahlung; reembolso|devolución
refunds; travel credit; travel credit|credit note; Reisegutschein|Guthaben; bono de viaje|crédito
disruption; rail strike; strike|walkout|no trains; Streik|Ausstand; huelga|paro
disruption; storm; storm|weather cancellations; Sturm|Unwetter; temporal|tormenta
disruption; rebooking assistant; rebooking|the assistant|the bot; Umbuchung|Assistent; cambio de reserva|asistente
loyalty; miles; miles|status miles|points; Meilen|Statusmeilen; millas|puntos
loyalty; lounge access; lounge|lounge entry; Lounge|Zugang zur Lounge; sala VIP|acceso a sala
hotel; breakfast option; breakfast|board option; Frühstück|Verpflegung; desayuno|pensión
hotel; free cancellation; cancellation|cancel for free; Stornierung|kostenlos stornieren; cancelación|anular gratis
""")

SOFTWARE = _things("""
api; webhook delivery; webhooks|callbacks|event delivery; Webhooks|Rückrufe; webhooks|notificaciones salientes
api; rate limiter; 429|throttling|rate limit; Ratenlimit|Drosselung; límite de peticiones|429
api; token rotation; tokens|API key|credentials expired; Zugangsschlüssel|Token; claves API|token
editor; formula engine; formulas|cell results|calculation; Formeln|Berechnung; fórmulas|cálculo
editor; version history; version history|undo|older version; Versionsverlauf|Rückgängig; historial|deshacer
editor; comment threads; comments|mentions|threads; Kommentare|Erwähnungen; comentarios|menciones
sync; offline mode; offline|sync conflict|not syncing; Offline|Synchronisierung; sin conexión|sincronización
sync; calendar connector; calendar sync|meetings; Kalenderabgleich|Termine; calendario|reuniones
access; single sign-on; SSO|SAML|company login; Firmenanmeldung|SSO; inicio de sesión único|SSO
access; guest sharing; guest link|external sharing; Gastzugang|Freigabelink; enlace de invitado|compartir
access; audit log; audit log|activity export; Prüfprotokoll; registro de auditoría
invoices; seat billing; seats|licences|seat count; Lizenzen|Sitzplätze; licencias|puestos
invoices; tax invoice; invoice|VAT|tax number; Rechnung|Umsatzsteuer; factura|IVA
reports; dashboard tiles; dashboard|charts|tiles; Diagramme|Kacheln; gráficos|panel
reports; scheduled export; scheduled report|CSV by mail|export; geplanter Export|CSV; informe programado|exportar
desktop; installer; installer|setup|MSI; Installation|Setup; instalador|instalación
""")

TELECOM = _things("""
network; fibre line; fibre|line down|no internet; Glasfaser|Leitung tot; fibra|sin internet
network; mobile mast; no signal|mobile network|mast; Funkmast|kein Netz; antena|sin cobertura
network; voice over wifi; wifi calling|calls drop; WLAN-Telefonie|Gespräche brechen ab; llamadas wifi|se corta
bill; price adjustment; price rise|higher bill|more expensive; Preiserhöhung|teurer; subida de precio|más caro
bill; itemised bill; itemised bill|bill PDF|bill details; Einzelverbindungsnachweis|Rechnung; factura detallada
bill; direct debit; direct debit|debited|bank debit; Lastschrift|Abbuchung; domiciliación|cargo
roaming; roaming pass; roaming|day pass abroad; Roaming|Tagespass; roaming|pase de viaje
roaming; data cap; data volume|data used up|slowed down; Datenvolumen|gedrosselt; datos agotados|límite de datos
contract; contract renewal; renewal|extended contract|new contract; Vertragsverlängerung; renovación|permanencia
contract; number porting; porting|keep my number; Rufnummernmitnahme|Portierung; portabilidad|mi número
device; router firmware; router|modem|box restarts; Router|Box; router|módem
device; eSIM activation; eSIM|activation|QR profile; eSIM|Aktivierung; eSIM|activación
tv; channel pack; channels|TV package|sports channel; Sender|TV-Paket; canales|paquete de TV
tv; recorder; recordings|recorder; Aufnahmen|Rekorder; grabaciones|grabador
care; phone menu; phone menu|hotline robot|keypad; Telefonmenü|Hotline; menú telefónico|centralita
""")

__all__ = ["BANK", "GAMES", "SHOP", "SOFTWARE", "TELECOM", "TRAVEL", "Thing"]
