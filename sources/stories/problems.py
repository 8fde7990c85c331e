"""What can go wrong at the company: the change's own words, and what the customers it hits write."""

from __future__ import annotations

from msgspec import Struct

from schemas.raw import ChangeKind
from sources.stories.phrases import Phrases


class Problem(Struct, frozen=True, kw_only=True):
    """One way in which a change makes customers write. ``topics`` are the categories they choose at intake, most
    of them the first; ``title`` and ``notes`` are what the company wrote about the change."""

    key: str
    kind: ChangeKind | None
    topics: tuple[str, ...]
    title: str
    notes: str
    says: Phrases
    claims: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


RELEASES = (
    Problem(
        key="card-form",
        kind="release",
        topics=("payment", "technical", "other"),
        title="New card form at checkout",
        notes="New: redesigned card form at checkout with card scanning. Improved: faster start. Fixed: rounding of totals in the basket.",
        says={
            "en": (
                "My {card|credit card|debit card} {is|was|gets} {declined|refused|rejected} {at checkout|in the new card form|every time}.",
                "The {new |}{card form|card scanner} {does not accept|rejects} my {number|card}{, it says invalid|}.",
                "{I cannot|Can't} pay: {card declined|'card declined'} {again and again|since the update|but the bank says it is fine}.",
                "Checkout {says|shows} card {declined|not valid}, {three|two} different cards tried.",
                "Scanning {my|the} card {fills in the wrong number|hangs}, then {declined|error}.",
            ),
            "de": (
                "Meine Karte wird {abgelehnt|nicht akzeptiert}{ im neuen Formular| an der Kasse|}.",
                "Das neue Kartenformular {nimmt meine Karte nicht|zeigt ungültig}.",
                "Karte abgelehnt, {obwohl gedeckt|schon dreimal}.",
            ),
            "es": (
                "{Mi tarjeta es|Me sale tarjeta} {rechazada|denegada}{ en el nuevo formulario| al pagar|}.",
                "El nuevo formulario no acepta mi tarjeta.",
                "Tarjeta rechazada {tres veces|pero el banco dice que está bien}.",
            ),
        },
    ),
    Problem(
        key="face-login",
        kind="release",
        topics=("login", "account", "technical"),
        title="Sign in with face or fingerprint",
        notes="New: sign in with face or fingerprint (biometric sign-in). Improved: profile page. Fixed: spelling in settings.",
        says={
            "en": (
                "{Face|Fingerprint|Biometric} {login|sign-in} {loops|keeps asking|does not recognise me}{ and throws me out|}.",
                "I am {logged out|signed out} {all the time|every few minutes|again and again} {since fingerprint sign-in came|}.",
                "The app {asks for my face|wants a fingerprint} and then {shows the sign-in page again|nothing happens}.",
                "{Cannot|Can't} {switch off|disable} the {face|fingerprint} sign-in, {it locks me out|I am stuck}.",
            ),
            "de": (
                "Die Anmeldung mit {Gesicht|Fingerabdruck} {geht nicht|dreht sich im Kreis}.",
                "Ich werde {ständig|dauernd} abgemeldet, Fingerabdruck {nicht erkannt|wird nicht erkannt}.",
            ),
            "es": (
                "El acceso con {huella|cara} {no funciona|entra en bucle}.",
                "Se cierra la sesión {todo el tiempo|cada minuto} con la huella.",
            ),
        },
    ),
    Problem(
        key="slot-calendar",
        kind="release",
        topics=("delivery", "technical", "other"),
        title="Calendar for delivery slots",
        notes="New: calendar view to pick delivery slots. Improved: address search. Fixed: flicker when scrolling.",
        says={
            "en": (
                "The {delivery |}calendar is {empty|blank|grey}, {no slots|not one slot} {to choose|at all}.",
                "{I cannot|Can't} {pick|choose|book} a {delivery slot|slot|time} in the {new |}calendar.",
                "{Slots|All slots} {show as full|disappear} {when I tap them|for weeks}.",
                "The calendar {jumps to|shows} {last year|the wrong month} and I {cannot order|have no slot}.",
            ),
            "de": (
                "Der {Lieferkalender|Kalender} ist leer, keine {Zeitfenster|Termine}.",
                "Ich kann {kein Zeitfenster|keinen Liefertermin} im Kalender wählen.",
            ),
            "es": (
                "El calendario de entrega {está vacío|sale en blanco}.",
                "No puedo elegir {franja|hora} en el calendario.",
            ),
        },
    ),
    Problem(
        key="photo-upload",
        kind="release",
        topics=("technical", "delivery", "other"),
        title="Photo upload for returns",
        notes="New: send photos of damaged items when you return them (photo upload). Improved: returns list. Fixed: time zone of order dates.",
        says={
            "en": (
                "{Photo|Picture} upload {hangs|stops|fails} at {99 %|the end}, {I cannot return my order|return not possible}.",
                "{I cannot|Can't} {send|attach|upload} {photos|pictures} of the broken <item>.",
                "The return {needs|wants} a photo but the {upload|camera} {crashes|stays black}.",
            ),
            "de": (
                "Der Foto-Upload {hängt|bricht ab} bei der Rücksendung.",
                "Ich kann kein Foto {hochladen|anhängen}.",
            ),
            "es": (
                "La subida de fotos {falla|se queda colgada} en la devolución.",
                "No puedo subir {la foto|fotos} del artículo roto.",
            ),
        },
    ),
)

FAINT_RELEASES = (
    Problem(
        key="address-book",
        kind="release",
        topics=("account", "delivery", "technical"),
        title="One address book for all orders",
        notes="Changed: addresses of all orders moved into one address book. Improved: loading times.",
        says={
            "en": (
                "My {saved |}addresses {are gone|disappeared} {from the address book|}.",
                "The address book {is empty|shows an old address}.",
                "Where {did|are} my saved addresses{ go|}? The address book {has only one|is empty}.",
            ),
            "de": ("Meine Adressen sind {weg|verschwunden}.", "Das Adressbuch ist leer."),
            "es": ("Mis direcciones {desaparecieron|ya no están}.", "La libreta de direcciones está vacía."),
        },
    ),
    Problem(
        key="search-filter",
        kind="release",
        topics=("technical", "other", "account"),
        title="New search with filters",
        notes="Changed: search has new filters and another order of results. Improved: pictures load faster.",
        says={
            "en": (
                "Search {does not find|no longer finds} the <item>{, filters hide everything|}.",
                "The {new |}filters {reset|vanish} {every time|when I go back}.",
                "{Where is|I miss} the old search, {the filters are confusing|I find nothing}.",
            ),
            "de": ("Die Suche findet {nichts|meine Artikel nicht} mehr.", "Die Filter {gehen nicht|verschwinden}."),
            "es": ("La búsqueda ya no encuentra nada.", "Los filtros {no funcionan|se borran}."),
        },
    ),
)

INCIDENTS = (
    Problem(
        key="sign-in-down",
        kind="incident",
        topics=("login", "technical", "other"),
        title="Sign-in service unavailable",
        notes="Sign-in answers with error 503 for all customers. Cause: expired certificate between gateway and identity service.",
        says={
            "en": (
                "{I cannot|Can't} {log in|sign in}, {error 503|'service unavailable'|it says unavailable}.",
                "{Sign-in|Login} {is down|does not work} {for everyone here|on all devices}{, error 503|}.",
                "{Is your|Your} {login|sign-in} {down|broken}? {503 all the time|Nothing happens}.",
                "Locked out {on phone and computer|everywhere}, error 503 {since ten minutes|}.",
            ),
            "de": (
                "{Anmeldung|Login} {geht nicht|unmöglich}, Fehler 503.",
                "Ich komme nicht rein, {Dienst nicht verfügbar|Fehler 503}.",
            ),
            "es": (
                "No puedo iniciar sesión, error 503.",
                "{El acceso|La sesión} no funciona, {servicio no disponible|error 503}.",
            ),
        },
    ),
    Problem(
        key="codes-missing",
        kind="incident",
        topics=("login", "account", "other"),
        title="Text messages with codes are not delivered",
        notes="The SMS provider delays or drops verification codes; text messages arrive hours late.",
        says={
            "en": (
                "{No|I get no} {SMS|text message|code by text}, {waiting for an hour|pressed resend ten times}.",
                "The {SMS|text} with the code {arrives hours late|does not arrive}.",
                "Verification {SMS|text} never comes, {cannot finish sign-in|I am stuck}.",
            ),
            "de": (
                "Die SMS mit dem Code {kommt nicht|kommt Stunden später}.",
                "{Keine SMS erhalten|Ich warte auf die SMS}.",
            ),
            "es": ("El SMS con el código {no llega|llega horas tarde}.", "No recibo el SMS."),
        },
    ),
)

PAST_INCIDENTS = (
    Problem(
        key="payment-provider",
        kind="incident",
        topics=("payment", "technical", "other"),
        title="Payment provider outage",
        notes="Payments by card and wallet time out at our payment provider.",
        says={
            "en": (
                "Payment {times out|spins forever}{, tried PayPal and card|}.",
                "{Timeout|Time-out} {when I pay|at the payment page}.",
                "I cannot pay with {anything|card or wallet}, {timeout|it never finishes}.",
            ),
            "de": ("Die Zahlung {lädt ewig|bricht mit Timeout ab}.", "Zahlen geht gar nicht, Zeitüberschreitung."),
            "es": ("El pago {se queda cargando|da tiempo de espera agotado}.", "No puedo pagar con nada."),
        },
    ),
    Problem(
        key="tracking-down",
        kind="incident",
        topics=("delivery", "technical", "other"),
        title="Tracking page shows no data",
        notes="Parcel tracking is empty because the carrier's interface does not answer.",
        says={
            "en": (
                "{Tracking|The tracking page} {is empty|shows nothing|says no data}.",
                "{No tracking data|Tracking blank} for <order>{, is it lost|}?",
            ),
            "de": ("Die Sendungsverfolgung ist leer.", "Keine Daten zur Sendung <order>."),
            "es": ("El seguimiento {está vacío|no muestra nada}.",),
        },
    ),
)

PROMOTIONS = (
    Problem(
        key="code-discount",
        kind="promotion",
        topics=("voucher", "payment", "other"),
        title="<percent> % off everything with <code>",
        notes="Newsletter and push: <percent> % off your next order with code <code>, today only.",
        claims=("<percent> % off everything", "code <code> works for all customers"),
        codes=("SPRING25", "SUNNY20", "BLOOM30", "GREEN15"),
        says={
            "en": (
                "{The code|Code|Promo code} <code> {does not work|is invalid|is not accepted}{, it says not valid for my account|}.",
                "You {promised|sent me|advertise} <percent> % off {everything|} but <code> {takes nothing off|gives an error}.",
                "<code> {says 'not eligible'|is rejected} {although I got the newsletter|at checkout}.",
                "{Where is my|I did not get the} <percent> % {discount|off}? {Used <code>.|The mail says everything.}",
            ),
            "de": (
                "Der Code <code> {geht nicht|ist ungültig|wird nicht angenommen}.",
                "{Versprochen waren|Wo sind} <percent> % Rabatt{ mit <code>|}?",
            ),
            "es": (
                "El código <code> {no funciona|no es válido}.",
                "Prometieron <percent> % de descuento y <code> no {descuenta|aplica}.",
            ),
        },
    ),
    Problem(
        key="free-delivery",
        kind="promotion",
        topics=("delivery", "voucher", "billing"),
        title="Free delivery all week with <code>",
        notes="Banner and mail: free delivery on every order this week with <code>, no minimum.",
        claims=("free delivery on every order", "no minimum order value"),
        codes=("FREESHIP", "ZEROFEE", "DOORSTEP"),
        says={
            "en": (
                "{Free delivery|The free delivery offer} {is not applied|does not work}, {I was charged 4.90|still a fee}{, code <code>|}.",
                "Your {banner|mail} says free delivery but checkout {adds a fee|wants 30 minimum}.",
                "<code> {does not remove|ignores} the delivery fee.",
            ),
            "de": (
                "Die Gratislieferung {gilt nicht|wird nicht abgezogen}{, Code <code>|}.",
                "Trotz <code> {Liefergebühr|Versandkosten}.",
            ),
            "es": (
                "El envío gratis {no se aplica|no funciona}{ con <code>|}.",
                "Me cobran el envío {con|a pesar de} <code>.",
            ),
        },
    ),
)

PRICES = (
    Problem(
        key="plan-price",
        kind="price",
        topics=("billing", "account", "payment"),
        title="Plus membership from 7.99 to 9.99",
        notes="The monthly price of the Plus membership rises from 7.99 to 9.99 with the next bill.",
        says={
            "en": (
                "Why {was I charged|do I pay|is my membership} 9.99{ instead of 7.99|}?",
                "{Nobody told me|I was not told} {about the price increase|that Plus gets more expensive}.",
                "I {want to cancel|cancel} Plus {because of|after} the {price increase|new price}.",
                "{My bill went up|Plus is 2 more} {without notice|this month}, {please explain|I want the old price}.",
            ),
            "de": (
                "Warum {kostet Plus|zahle ich} {jetzt|plötzlich} 9,99?",
                "Wegen der Preiserhöhung {kündige ich|möchte ich kündigen}.",
            ),
            "es": (
                "¿Por qué {me cobran|Plus cuesta} 9,99?",
                "Quiero cancelar Plus por {la subida|el aumento} de precio.",
            ),
        },
    ),
    Problem(
        key="return-window",
        kind="policy",
        topics=("billing", "delivery", "other"),
        title="Returns within 14 instead of 60 days",
        notes="From today returns are accepted within 14 days of delivery instead of 60; return labels cost 3.50.",
        says={
            "en": (
                "My return {was refused|is refused}, {only 14 days|14 days are over}.",
                "{Since when|Why} {does a return label cost|do I pay} 3.50{ for a return|}?",
                "The {new return rule|14 days} {is unfair|was not in my order mail}.",
            ),
            "de": (
                "Rückgabe {abgelehnt|verweigert}, {nur noch|angeblich nur} 14 Tage.",
                "Warum kostet das Rücksendeetikett 3,50?",
            ),
            "es": ("Rechazaron mi devolución, solo 14 días.", "¿Por qué la etiqueta de devolución cuesta 3,50?"),
        },
    ),
)

UNLOGGED = (
    Problem(
        key="phishing",
        kind=None,
        topics=("account", "other", "login"),
        title="",
        notes="",
        says={
            "en": (
                "I {got|received} a {strange|suspicious} {call|mail} {from you|in your name} {about a parcel fee|asking for my PIN}, is it {real|fraud|a scam}?",
                "{Is this|Someone sends} {a scam|phishing}{ in your name|}? They want my {PIN|bank data}.",
            ),
            "de": ("Ich bekam {einen Anruf|eine Mail} in Ihrem Namen, {ist das Betrug|ist das Phishing}?",),
            "es": ("Recibí {una llamada|un correo} en su nombre, ¿es {una estafa|fraude}?",),
        },
    ),
    Problem(
        key="spoiled-goods",
        kind=None,
        topics=("delivery", "other", "voucher"),
        title="",
        notes="",
        says={
            "en": (
                "The {milk|yoghurt|salad} {arrived warm|was spoiled|is mouldy}.",
                "{Everything chilled|The cold bag} {arrived warm|was leaking}, I {threw it away|want a refund}.",
                "{Spoiled|Bad} {fruit|food} in my box.",
            ),
            "de": ("Die {Milch|gekühlten Sachen} {kam warm an|war verdorben}.", "Verdorbene Ware in der Box."),
            "es": ("La {leche|comida} llegó {caliente|en mal estado}.",),
        },
    ),
)

QUIET_NOTES = (
    ("Smaller fixes", "Fixed: spelling, rare crash on start. Improved: accessibility labels."),
    ("Faster start", "Improved: start time, memory use. Updated: licences."),
    ("New icons", "Changed: icons and colours in settings. Improved: list scrolling."),
    ("Wish list", "New: wish list can be sorted. Fixed: date format in the order list."),
    ("Help pages", "New: help pages inside the app. Improved: offline mode."),
    ("Darker dark mode", "Changed: contrast of dark mode. Fixed: flicker at night."),
)

QUIET_PROMOTIONS = (
    ("Coffee week", "Coffee beans two for one in the shop window.", "COFFEE2", ("two for one on coffee beans",)),
    ("Bring a friend", "Refer a friend and both get 5.", "", ("5 for you and your friend",)),
    ("Sunday soup", "Soup boxes at half price on Sunday.", "SOUPDAY", ("soup boxes half price",)),
)
