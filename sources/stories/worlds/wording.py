"""How the companies of the worlds announce things and how their customers write: phrases with a gap for a thing.

``{a|b|}`` is a choice; ``<thing>`` the thing in the customer's words, ``<wrong>`` what a customer wrongly blames.
"""

from __future__ import annotations

Phrases = dict[str, tuple[str, ...]]

QUESTIONS: Phrases = {
    "en": (
        "{how does|how do I use} the <thing>{ work|}?",
        "{a question|question} about <thing>, {where do I find it|who can help}?",
        "<thing> {did not work|gave me trouble} {yesterday|last week|once}.",
        "{can I|is it possible to} {change|cancel|turn off} <thing>?",
        "{something is odd|I am confused} with <thing> {on my side|in my account}.",
        "{waiting for|no} answer {about|on} <thing> {for days|since <weekday>|}.",
        "{please|could you} {check|look at} my <thing>{, number <order>|}.",
    ),
    "de": (
        "{wie funktioniert|wie nutze ich} <thing>?",
        "{eine Frage|Frage} zu <thing>{, wer kann helfen|}?",
        "<thing> {ging|klappte} {gestern|neulich} nicht.",
        "{kann ich|wie kann ich} <thing> {ändern|abschalten}?",
        "{warte seit Tagen auf|keine} Antwort {zu|wegen} <thing>.",
    ),
    "es": (
        "¿cómo {funciona|uso} <thing>?",
        "{una duda|consulta} sobre <thing>{, quién me ayuda|}.",
        "<thing> {no funcionó|falló} {ayer|la semana pasada}.",
        "¿puedo {cambiar|cancelar} <thing>?",
        "{sigo esperando|sin} respuesta sobre <thing>.",
    ),
}

FAULTS: tuple[Phrases, ...] = (
    {
        "en": (
            "<thing> {does not load|stays blank|is empty}{ any more|}",
            "{only a white page|blank screen} {at|in} <thing>",
            "<thing> {keeps spinning|hangs} {for ever|for an hour}",
        ),
        "de": ("<thing> {lädt nicht|bleibt leer}", "{nur eine weiße Seite|leerer Bildschirm} bei <thing>"),
        "es": ("<thing> {no carga|sale en blanco}", "pantalla {vacía|blanca} en <thing>"),
    },
    {
        "en": (
            "<thing> {rejected|declined|refused} {again and again|three times}",
            "{error|invalid} {when I use|at} <thing>",
            "<thing> {says|shows} {not valid|error 5<digit>}",
        ),
        "de": ("<thing> {abgelehnt|ungültig} {immer wieder|dreimal}", "{Fehlermeldung|Fehler} bei <thing>"),
        "es": ("<thing> {rechazado|no válido} {una y otra vez|tres veces}", "{error|mensaje de error} en <thing>"),
    },
    {
        "en": (
            "<thing> {is gone|disappeared|vanished}",
            "{where did|what happened to} <thing>{ go|}? everything {lost|deleted}",
            "{cannot find|lost} <thing> {overnight|suddenly}",
        ),
        "de": ("<thing> {ist weg|verschwunden}", "{finde|sehe} <thing> nicht mehr, alles {gelöscht|weg}"),
        "es": ("<thing> {desapareció|ha desaparecido}", "no encuentro <thing>, todo {borrado|perdido}"),
    },
    {
        "en": (
            "<thing> {charged|billed|counted} twice",
            "{wrong amount|double amount} {on|with} <thing>",
            "<thing> {shows the wrong number|doubled}, {refund please|I want it back}",
        ),
        "de": ("<thing> {doppelt abgebucht|doppelt gezählt}", "{falscher Betrag|zu viel} bei <thing>"),
        "es": ("<thing> {cobrado dos veces|duplicado}", "{importe incorrecto|de más} en <thing>"),
    },
    {
        "en": (
            "<thing> {crashes|freezes|closes itself} {at once|every time}",
            "{crash|freeze} {when opening|with} <thing>",
        ),
        "de": ("<thing> {stürzt ab|friert ein}", "{Absturz|hängt sich auf} bei <thing>"),
        "es": ("<thing> {se cierra|se bloquea} {siempre|al abrir}", "{cierre inesperado|se cuelga} con <thing>"),
    },
)

OFFERS: tuple[Phrases, ...] = (
    {
        "en": (
            "{promo|code} <code> {not accepted|expired} for <thing>",
            "the {offer|discount} on <thing> {is not applied|missing}",
            "{where is|when do I get} the {promised|advertised} <thing> {discount|bonus}",
        ),
        "de": ("{Aktion|Code} <code> {geht nicht|abgelaufen} bei <thing>", "{Rabatt|Aktion} für <thing> fehlt"),
        "es": (
            "{oferta|código} <code> {no funciona|caducado} en <thing>",
            "{falta el|no sale el} descuento de <thing>",
        ),
    },
)

GRIEVANCES: tuple[Phrases, ...] = (
    {
        "en": (
            "why {is|was} <thing> {more expensive|dearer} now, {I want to cancel|not acceptable}",
            "{I do not agree|I object} to the {new price|increase} of <thing>",
            "{nobody told me|no notice} about the {increase|higher price} for <thing>",
        ),
        "de": (
            "<thing> {wird teurer|kostet mehr}, {ich kündige|unverschämt}",
            "{Widerspruch|nicht einverstanden} mit dem neuen Preis für <thing>",
        ),
        "es": (
            "<thing> {más caro|ha subido}, {me doy de baja|inaceptable}",
            "no {acepto|entiendo} el nuevo precio de <thing>",
        ),
    },
    {
        "en": (
            "{do I have to|must I} {accept|confirm} the new {rule|terms} for <thing>",
            "{what changes|what does it mean} with <thing> {from next month|now}",
            "the new {policy|condition} on <thing> is {unfair|unclear}",
        ),
        "de": (
            "{muss ich|soll ich} den neuen {Bedingungen|Regeln} zu <thing> zustimmen",
            "was {ändert sich|bedeutet das} bei <thing>",
        ),
        "es": (
            "¿{debo|tengo que} aceptar {las nuevas condiciones|la nueva norma} de <thing>",
            "qué cambia con <thing>",
        ),
    },
)

LOOPS: tuple[Phrases, ...] = (
    {
        "en": (
            "{the bot|your robot} {does not understand|repeats itself} about <thing>, {I want a person|human please}",
            "{cannot reach anyone|went in circles} for <thing>",
        ),
        "de": (
            "{der Bot|die Automatik} versteht <thing> nicht, {bitte ein Mensch|Mitarbeiter bitte}",
            "{niemand erreichbar|im Kreis geschickt} wegen <thing>",
        ),
        "es": (
            "{el bot|el robot} no entiende <thing>, {quiero una persona|un humano}",
            "nadie {contesta|atiende} por <thing>",
        ),
    },
    {
        "en": (
            "{still waiting|no reply for days} on <thing>, {second message|writing again}",
            "{how long|hours} in the {queue|line} for <thing>",
        ),
        "de": (
            "{immer noch keine Antwort|warte ewig} zu <thing>, {schreibe nochmal|zweite Nachricht}",
            "{Stunden|ewig} in der Warteschleife für <thing>",
        ),
        "es": (
            "{sigo sin respuesta|esperando horas} por <thing>, {segundo mensaje|escribo otra vez}",
            "horas en la cola por <thing>",
        ),
    },
)

SUNDRY: Phrases = {
    "en": (
        "my password", "a receipt", "newsletter settings", "my e-mail address", "a phone number", "opening hours", "a complaint", "the manual", "data protection",
        "my old account", "a job application", "the colour of the menu", "large print", "the family member", "my birthday", "a typo on your page", "the survey",
        "press request", "second language", "notification sound", "the slow website", "a compliment", "spare parts", "the competition",
    ),
    "de": (
        "mein Passwort", "eine Quittung", "Newsletter", "meine E-Mail-Adresse", "Öffnungszeiten", "eine Beschwerde", "die Anleitung", "Datenschutz", "mein altes Konto",
        "eine Bewerbung", "große Schrift", "mein Geburtstag", "Tippfehler auf der Seite", "die Umfrage", "Presseanfrage", "Benachrichtigungston", "die langsame Seite", "ein Lob",
    ),
    "es": (
        "mi contraseña", "un recibo", "boletín", "mi correo", "el horario", "una queja", "el manual", "protección de datos", "mi cuenta antigua", "una solicitud de empleo",
        "letra grande", "mi cumpleaños", "una errata en la página", "la encuesta", "prensa", "sonido de avisos", "la página lenta", "un elogio",
    ),
}  # fmt: skip

OPENERS: Phrases = {
    "en": (
        "",
        "",
        "Hi, ",
        "Hello, ",
        "Hey team, ",
        "Good morning, ",
        "Urgent! ",
        "Sorry to bother, ",
        "Dear support, ",
        "Once more: ",
    ),
    "de": ("", "", "Hallo, ", "Guten Tag, ", "Moin, ", "Liebes Team, ", "Dringend! ", "Nochmals: "),
    "es": ("", "", "Hola, ", "Buenos días, ", "Buenas, ", "Urgente: ", "Otra vez: "),
}

CLOSERS: Phrases = {
    "en": (
        "", "", ". Thanks", ". Please help", ". Tried it <digit> times", ". My order is <order>", ". Ticket <order>", ". On my phone and laptop",
        ". I am a customer for <digit> years", ". Please call back", ". It happened <weekday>", ". Regards from <place>", ". Very annoying", ". Can you fix that?",
    ),
    "de": ("", "", ". Danke", ". Bitte um Hilfe", ". Schon <digit> mal versucht", ". Nummer <order>", ". Viele Grüße aus <place>", ". Sehr ärgerlich", ". Seit <weekday>"),
    "es": ("", "", ". Gracias", ". Ayuda por favor", ". Lo intenté <digit> veces", ". Número <order>", ". Saludos desde <place>", ". Muy molesto", ". Desde <weekday>"),
}  # fmt: skip

BLAMES: Phrases = {
    "en": (", {since the last update|after updating}", ", {it started with|because of} the {new|} <wrong>", ", {surely|probably} your <wrong>"),
    "de": (", seit dem letzten Update", ", {seit|wegen} <wrong>"),
    "es": (", desde la última actualización", ", {desde|por} <wrong>"),
}  # fmt: skip

TEXTS: dict[str, tuple[str, ...]] = {
    "promotion": (
        "{Save|Get a bonus} {this week|until Sunday} on <official>.{ For <synonym> too.|} {Code <code>.|}",
        "{Push and mail|Banner}: <official> {discount|offer} for {everyone|new customers}.",
    ),
    "policy": (
        "{From next month|As of now} new {terms|rules} apply to <official>{ (<synonym>)|}. {Customers must accept|Consent is asked}.",
        "{Rule|Condition} for <official> changed{, also <synonym>|}.",
    ),
    "price": (
        "<official> {goes up|is raised} by {4|6|9} percent{ (<synonym>)|}. Customers may cancel.",
        "{New price list|Adjustment}: <official> {more expensive|dearer}.",
    ),
    "incident": (
        "<official>: {requests fail|customers see errors|pages do not load}{, <synonym> affected|}. {We are investigating|Cause unknown}.",
        "{Partial outage|Malfunction} of <official>{ and <other>|}.",
    ),
    "automation": (
        "{Bot|Macro|Menu} now answers {questions on|all about} <official>{ and <synonym>|}.",
        "Automatic replies for <official>.",
    ),
    "capacity": (
        "{Fewer people|Team reduced} on <official>{ and <other>|}, longer waits {expected|possible}.",
        "Staffing of the <official> queue cut.",
    ),
}

NOTES: dict[str, tuple[str, ...]] = {
    "plain": (
        "{New|Improved|Changed}: <official>{ (<synonym>)|}. {Fixed|Also}: small things{ around <other>|}.",
        "We have {redesigned|rebuilt|moved} <official>{, your <synonym>|}.{ Faster start.|}",
        "<official> {gets|has} a new {look|engine|home}.",
    ),
    "terse": ("<official>", "{chg|upd|feat}: <official>", "<official> v2", "rework <official>"),
    "dull": (
        "Bug fixes and improvements.",
        "Maintenance, stability and performance.",
        "We keep improving the app for you.",
    ),
    "de": ("{Neu|Verbessert}: <de>. Außerdem kleine Korrekturen.", "<de> {überarbeitet|neu gestaltet}."),
    "es": ("{Novedad|Mejora}: <es>. También pequeños arreglos.", "<es> {renovado|con nuevo diseño}."),
}

TITLES: dict[str, tuple[str, ...]] = {
    "release": ("{New|Better} <official>", "<official> update"),
    "promotion": ("{Spring|Autumn|Weekend} deal: <official>", "<official> for less", "Bonus on <official>"),
    "policy": ("New terms for <official>", "Rule change: <official>"),
    "price": ("Price change: <official>", "<official> costs more"),
    "incident": ("{Degraded|Outage}: <official>", "<official> unavailable", "Elevated errors in <official>"),
    "automation": ("Bot answers <official>", "New menu and macro for <official>"),
    "capacity": ("Fewer agents: <official> team", "Night shift cut, <official> queue"),
}

WEEKDAYS = ("on Monday", "Dienstag", "on Friday", "viernes", "last night", "weekend")
PLACES = ("Leeds", "Porto", "Graz", "Turin", "Bilbao", "Ghent", "Cork", "Basel", "Lyon")
