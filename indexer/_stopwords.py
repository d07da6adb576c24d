"""Words too common to tell one question from another, folded (no accents), per language.

Short on purpose: words that change what a bank's customer asks (no, not, when, where, how much) are kept as terms.
"""

_ES = """
a al algo ante asi aun cada como con cual cuales de del desde donde dos e el ella ellas ellos en entre era eres es esa
esas ese eso esos esta estaba estamos estan estar estas este esto estos estoy fue ha habia han hasta hay he hola la las
le les lo los me mi mis mucho muy nos nosotros o os otra otro para pero por porque pues que quien se sea ser si sin
sobre son soy su sus tal tambien te ti tiene tienen tengo tu tus u un una unas uno unos usted ustedes y ya yo favor
gracias quiero quisiera puedo puede
"""
_PT = """
a agora ai ainda alguem algum alguma ao aos as ate cada com como da das de dela dele do dos e ela elas ele eles em entre
era essa essas esse esses esta estao estas estava este estes estou eu foi ha isso isto ja la lhe lo ma mais mas me mesmo
meu meus minha minhas muito na nas nos nossa nosso num numa o oi ola os ou para pela pelas pelo pelos por porque pra pro
qual quais que quem se sem ser sera seu seus so sobre sou sua suas tambem te tem tenho teu toda todo tu tudo um uma umas
uns vai voce voces vou favor obrigado obrigada quero queria gostaria posso pode
"""
_EN = """
a about am an and any are as at be been being but by can could did do does doing for from had has have having he hello
her here hi him his i if i'd i'll i'm i've in into is it it's its just me my of on or our please she should so some than
thank thanks that that's the their them then there these they this those to too up us want was we were what what's which
who will with would you your yours
"""

STOP_WORDS: dict[str, frozenset[str]] = {
    "es": frozenset(_ES.split()),
    "pt": frozenset(_PT.split()),
    "en": frozenset(_EN.split()),
}

# Kept as terms, and yet they tell the language.
_TELLING = {"es": "cuando cuanto", "pt": "nao quando quanto onde", "en": "not when where how why"}

# Words that only one of the languages has: they tell which language a short text is in.
TELLING_WORDS = {
    language: own.union(_TELLING[language].split()).difference(
        *(STOP_WORDS[other] for other in {*STOP_WORDS} - {language})
    )
    for language, own in STOP_WORDS.items()
}
