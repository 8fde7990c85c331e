"""What customers write on an ordinary day, in three languages.

``{a|b|}`` is a choice; ``<app>``, ``<feature>`` and such are filled by the teller.
"""

from __future__ import annotations

Phrases = dict[str, tuple[str, ...]]

OPENERS: Phrases = {
    "en": (
        "{Hi|Hello|Hey|Good morning|Dear team}{,| there,|} ",
        "{Hi|Hello} <company>, ",
        "",
        "",
        "{Please help.|Can someone help?|Quick question:} ",
    ),
    "de": ("{Hallo|Guten Tag|Moin|Liebes Team}, ", "", "{Bitte helfen Sie mir.|Kurze Frage:} "),
    "es": ("{Hola|Buenos días|Buenas}, ", "", "{Necesito ayuda.|Una pregunta:} "),
}

CLOSERS: Phrases = {
    "en": (
        " {Thanks|Thank you|Cheers}{!|.|}",
        " {I have been a customer for|I am with you since} <years> years.",
        " {Please fix this|Please get back to me|Can you look into it} {today|soon|asap}.",
        " This happened {today|this morning|just now|yesterday|a few minutes ago}.",
        "",
        " I tried {restarting|another browser|reinstalling|twice|it three times} already.",
        "",
    ),
    "de": (
        " {Danke|Vielen Dank|Viele Grüße}{!|.|}",
        " Bitte {melden Sie sich|um schnelle Hilfe}.",
        "",
        " Ich habe es {zweimal|schon mehrmals|heute} versucht.",
    ),
    "es": (
        " {Gracias|Muchas gracias|Saludos}{!|.|}",
        " Por favor, {respondan pronto|ayúdenme}.",
        "",
        " Lo intenté {dos veces|varias veces|hoy}.",
    ),
}

USUAL: dict[str, Phrases] = {
    "payment": {
        "en": (
            "{My|The} payment {failed|did not go through|is still pending} {but the money is gone|and I do not know why|}.",
            "I was {charged|billed} twice for order <order>.",
            "{How do I|Can I} {change|update|remove} my {card|payment method|bank account}?",
            "My {card was declined|bank refused the payment} {although there is enough money on it|once}.",
            "When {do I get|will you send} my refund for order <order>? It has been <days> days.",
            "Can I pay {by invoice|with PayPal|in instalments}?",
        ),
        "de": (
            "Meine Zahlung {ging nicht durch|hängt|schlug fehl}.",
            "Bestellung <order> wurde {doppelt|zweimal} abgebucht.",
            "Wie kann ich meine {Karte|Zahlungsart} ändern?",
            "Wann kommt die Erstattung für <order>?",
        ),
        "es": (
            "Mi pago {falló|no se completó|sigue pendiente}.",
            "Me cobraron dos veces el pedido <order>.",
            "¿Cómo cambio {mi tarjeta|el método de pago}?",
            "¿Cuándo recibo el reembolso de <order>?",
        ),
    },
    "login": {
        "en": (
            "I {forgot|lost|cannot remember} my password{ and the reset mail does not come|}.",
            "{I cannot|Can't} {log in|sign in|get into my account} {on my new phone|since I changed my number|any more}.",
            "The {verification|confirmation} code {never arrives|expires too fast|is wrong}.",
            "How do I {turn on|set up} two-factor {login|authentication}?",
            "My account {is locked|was blocked} after {three|too many} attempts.",
        ),
        "de": (
            "Ich habe mein Passwort {vergessen|verloren}.",
            "{Anmeldung|Login} am neuen Handy {klappt nicht|geht nicht}.",
            "Der Bestätigungscode kommt {nicht|zu spät}.",
            "Mein Konto ist gesperrt.",
        ),
        "es": (
            "Olvidé mi contraseña{ y no llega el correo|}.",
            "No puedo {entrar|iniciar sesión} en mi nuevo móvil.",
            "El código de verificación {no llega|caduca}.",
            "Mi cuenta está bloqueada.",
        ),
    },
    "delivery": {
        "en": (
            "Where is my {order|parcel|package} <order>? {Tracking has not moved for <days> days.|It should have been here <weekday>.|}",
            "The {courier|driver} {left it at the wrong door|did not ring|says nobody was home}.",
            "{Can I|How can I} change the delivery {address|date|slot} of <order>?",
            "{One item|Something|The <item>} is {missing from|broken in|not in} my {order|box|delivery}.",
            "I {got|received} the wrong <item>.",
        ),
        "de": (
            "Wo ist {mein Paket|meine Bestellung} <order>?",
            "Der {Fahrer|Bote} hat nicht geklingelt.",
            "Kann ich {die Lieferadresse|den Liefertermin} ändern?",
            "Es fehlt {ein Artikel|etwas} in der Lieferung.",
        ),
        "es": (
            "¿Dónde está mi {pedido|paquete} <order>?",
            "El repartidor {no llamó|dejó el paquete en otra puerta}.",
            "¿Puedo cambiar la {dirección|fecha} de entrega?",
            "Falta un artículo en mi pedido.",
        ),
    },
    "billing": {
        "en": (
            "{I need|Please send me} {an invoice|a receipt} for <month>.",
            "{I do not understand|What is} the {fee|amount} on my {last|<month>} {bill|invoice}.",
            "How do I {cancel|pause|stop} my {subscription|membership|plan}?",
            "I cancelled {weeks ago|last month} and {was billed again|still see a charge}.",
            "Can I {switch|move} to the {yearly|family|cheaper} plan?",
        ),
        "de": (
            "Ich brauche eine Rechnung für <month>.",
            "Wie {kündige|pausiere} ich mein Abo?",
            "Was ist das für ein Betrag auf {der|meiner} Rechnung?",
            "Ich habe gekündigt und {zahle noch|wurde wieder belastet}.",
        ),
        "es": (
            "Necesito la factura de <month>.",
            "¿Cómo {cancelo|pauso} mi suscripción?",
            "No entiendo el importe de {mi|la última} factura.",
            "Cancelé y me {cobraron|facturaron} otra vez.",
        ),
    },
    "account": {
        "en": (
            "{How do I|Please help me} change my {e-mail address|name|phone number} {in my profile|}?",
            "Please delete {my account|all my data}.",
            "I {moved|got married} and need to update my {address|name}.",
            "{Can two people|How do we} share one account?",
            "I get too many {mails|newsletters|notifications}, how do I stop them?",
        ),
        "de": (
            "Wie ändere ich meine {Adresse|E-Mail-Adresse|Telefonnummer}?",
            "Bitte löschen Sie {mein Konto|meine Daten}.",
            "Ich bekomme zu viele {Mails|Benachrichtigungen}.",
        ),
        "es": (
            "¿Cómo cambio {mi correo|mi dirección|mi teléfono}?",
            "Quiero borrar mi cuenta.",
            "Recibo demasiados {correos|avisos}.",
        ),
    },
    "voucher": {
        "en": (
            "{My|The} {gift card|voucher} {does not work|has expired|shows no balance}.",
            "Where do I {enter|use} {a|my} {voucher|gift card|promo code}?",
            "Can I use two {codes|vouchers} {at once|on one order}?",
            "My {points|referral bonus} {are missing|did not arrive}.",
        ),
        "de": (
            "Mein Gutschein {geht nicht|ist abgelaufen}.",
            "Wo gebe ich {den Gutschein|einen Code} ein?",
            "Meine Punkte fehlen.",
        ),
        "es": ("Mi {tarjeta regalo|vale} no funciona.", "¿Dónde {pongo|uso} el código?", "Faltan mis puntos."),
    },
    "technical": {
        "en": (
            "The <app> {crashes|freezes|closes} {when I open it|sometimes|on my tablet}.",
            "{Everything|The <app>|Your site} is {so slow|slow} {today|since yesterday|in the evening}.",
            "{Pictures|Search results|My favourites} {do not load|are empty}.",
            "I {found a bug|see an error}: the {button|menu} {does nothing|is gone}.",
            "{Notifications|Push messages} {do not arrive|come twice}.",
        ),
        "de": (
            "Die App {stürzt ab|friert ein|hängt}.",
            "Alles ist {heute|seit gestern} {langsam|sehr langsam}.",
            "{Bilder|Suchergebnisse} laden nicht.",
            "Ich sehe einen Fehler im Menü.",
        ),
        "es": (
            "La aplicación {se cierra|se congela}.",
            "Todo va {muy|} lento {hoy|desde ayer}.",
            "No cargan las {imágenes|búsquedas}.",
            "Veo un error en el menú.",
        ),
    },
    "other": {
        "en": (
            "{Do you|Will you} {deliver to|open in} <place>?",
            "I {love|like} the new <item>, just wanted to say so.",
            "{Who|Where} can I {call|write to} about {a job|a partnership|a complaint}?",
            "Is the <item> {vegan|gluten-free|in stock}?",
            "What are your {opening hours|holiday times}?",
        ),
        "de": (
            "Liefern Sie nach <place>?",
            "Ist <item> {vegan|wieder da|auf Lager}?",
            "Wie sind Ihre {Öffnungszeiten|Zeiten an Feiertagen}?",
        ),
        "es": ("¿Envían a <place>?", "¿<item> {es vegano|hay en stock}?", "¿Cuál es su horario?"),
    },
}

MONTHS = ("January", "February", "March", "April", "May", "June", "July")
WEEKDAYS = ("on Monday", "on Tuesday", "on Friday", "last week", "yesterday")
ITEMS = (
    "granola",
    "oat milk",
    "coffee beans",
    "pasta kit",
    "soup box",
    "headphones",
    "water filter",
    "lamp",
    "tea set",
    "olive oil",
)
PLACES = ("Leeds", "Porto", "Graz", "Malmö", "Denver", "Bilbao", "Ghent", "Turin")
