"""What is told in one sentence a curator can act on, in English, Spanish and Portuguese."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LANGUAGES = ("en", "es", "pt")
DAYS_A_MONTH = 30.4
"""For telling long times in months."""

Texts = tuple[str, str, str]

_ADVICE: dict[str, Texts] = {
    "ship": ("Ship {arm}", "Publica {arm}", "Publique {arm}"),
    "keep_running": ("Keep running", "Sigue con la prueba", "Continue o teste"),
    "keep_running_days": (
        "Keep running about {days}",
        "Sigue con la prueba cerca de {days}",
        "Continue o teste por cerca de {days}",
    ),
    "stop": (
        "Stop and keep {control}",
        "Termina y quédate con {control}",
        "Encerre e fique com {control}",
    ),
    "do_not_trust": ("Do not trust this test", "No confíes en esta prueba", "Não confie neste teste"),
}
_BECAUSE: dict[str, Texts] = {
    "primary_better": ("{change}", "{change}", "{change}"),
    "guardrails_pass": (
        "{change}; within the margin: {names}",
        "{change}; dentro del margen: {names}",
        "{change}; dentro da margem: {names}",
    ),
    "before_planned_end": (
        "{percent}% of the planned sample is in, and no difference is shown yet",
        "ya está el {percent}% de la muestra prevista y aún no se ve una diferencia",
        "{percent}% da amostra planejada já chegou e ainda não se vê diferença",
    ),
    "no_data": (
        "there is not enough data to compare yet",
        "aún no hay datos suficientes para comparar",
        "ainda não há dados suficientes para comparar",
    ),
    "no_data_at_the_end": (
        "even the planned sample has too few cases to compare",
        "ni la muestra prevista tiene casos suficientes para comparar",
        "nem a amostra planejada tem casos suficientes para comparar",
    ),
    "no_result": (
        "the primary metric cannot be compared, because nothing varies in it",
        "la métrica principal no se puede comparar, porque nada varía en ella",
        "a métrica principal não pode ser comparada, porque nada varia nela",
    ),
    "no_difference": (
        "no difference is shown: {range}",
        "no se ve una diferencia: {range}",
        "não se vê diferença: {range}",
    ),
    "no_primary": (
        "the test has no primary metric to decide by",
        "la prueba no tiene una métrica principal para decidir",
        "o teste não tem uma métrica principal para decidir",
    ),
    "guardrail_not_shown": (
        "{arm} does better, but {metric} may still get worse by more than the margin of {margin}: {range}",
        "{arm} va mejor, pero {metric} aún puede empeorar más que el margen de {margin}: {range}",
        "{arm} vai melhor, mas {metric} ainda pode piorar mais que a margem de {margin}: {range}",
    ),
    "primary_worse": ("{arm} is worse; {change}", "{arm} es peor; {change}", "{arm} é pior; {change}"),
    "guardrail_breached": (
        "{arm} does harm; {change}, and the margin was {margin}",
        "{arm} perjudica; {change}, y el margen era de {margin}",
        "{arm} prejudica; {change}, e a margem era de {margin}",
    ),
    "unreachable": (
        "{weekly} units a week would take {months} more months; pool entries or try a bolder change",
        "con {weekly} unidades por semana faltarían {months} meses; junta entradas o prueba un cambio más audaz",
        "com {weekly} unidades por semana faltariam {months} meses; junte entradas ou tente uma mudança mais ousada",
    ),
    "srm_mismatch": (
        "the traffic split is off (SRM: {exposures}); find out why before reading on",
        "el reparto del tráfico no cuadra (SRM: {exposures}); averigua por qué antes de seguir leyendo",
        "a divisão do tráfego não bate (SRM: {exposures}); descubra o motivo antes de continuar lendo",
    ),
    "several_arms": (
        "too many units saw more than one arm: {units}",
        "demasiadas unidades vieron más de una variante: {units}",
        "unidades demais viram mais de uma variante: {units}",
    ),
    "response_rates_differ": (
        "the arms changed who answered the survey, so its scores cannot be compared",
        "las variantes cambiaron quién respondió la encuesta; sus notas no son comparables",
        "as variantes mudaram quem respondeu à pesquisa; as notas não são comparáveis",
    ),
    "not_normal": (
        "a few extreme values decide it; cap the metric, or wait for more units",
        "pocos valores extremos la deciden; acota la métrica o espera más unidades",
        "poucos valores extremos o decidem; limite a métrica ou espere mais unidades",
    ),
}
_PLANS: dict[str, Texts] = {
    "open": (
        "Name the effect you would act on, to learn how long the test takes.",
        "Indica el efecto por el que actuarías, para saber cuánto dura la prueba.",
        "Indique o efeito pelo qual você agiria, para saber quanto dura o teste.",
    ),
    "impossible": (
        "No number of units would show this effect; look for a larger one.",
        "Ningún número de unidades mostraría este efecto; busca uno mayor.",
        "Nenhum número de unidades mostraria este efeito; procure um maior.",
    ),
    "sized": (
        "The test needs {units} units over all arms.",
        "La prueba necesita {units} unidades entre todas las variantes.",
        "O teste precisa de {units} unidades entre todas as variantes.",
    ),
    "reachable": (
        "The test needs {units} units over all arms, and with today's traffic about {days}.",
        "La prueba necesita {units} unidades entre todas las variantes y, con el tráfico de hoy, cerca de {days}.",
        "O teste precisa de {units} unidades entre todas as variantes e, com o tráfego de hoje, de cerca de {days}.",
    ),
    "unreachable": (
        "{weekly} units a week would take {months} months; pool entries or try a bolder change.",
        "Con {weekly} unidades por semana harían falta {months} meses; junta entradas o prueba un cambio más audaz.",
        "Com {weekly} unidades por semana seriam {months} meses; junte entradas ou tente uma mudança mais ousada.",
    ),
}
_CHANGES: dict[str, Texts] = {
    "points": (
        "{metric} {moves} {size} points ({level}% between {low} and {high})",
        "{metric} {moves} {size} puntos ({level}% entre {low} y {high})",
        "{metric} {moves} {size} pontos ({level}% entre {low} e {high})",
    ),
    "amount": (
        "{metric} {moves} by {size} ({level}% between {low} and {high})",
        "{metric} {moves} {size} ({level}% entre {low} y {high})",
        "{metric} {moves} {size} ({level}% entre {low} e {high})",
    ),
    "scores": (
        "{metric} with {arm} is {moves} in {size}% of pairs, ties counting half ({level}% between {low} and {high})",
        "{metric} con {arm} es {moves} en el {size}% de los pares, y los empates cuentan la mitad"
        " ({level}% entre {low} y {high})",
        "{metric} com {arm} é {moves} em {size}% dos pares, e os empates contam metade ({level}% entre {low} e {high})",
    ),
    "unknown": ("{metric} has no result", "{metric} no tiene resultado", "{metric} não tem resultado"),
}
_RANGES: dict[str, Texts] = {
    "points": (
        "the change in {metric} with {arm} lies between {low} and {high} points ({level}%)",
        "el cambio en {metric} con {arm} está entre {low} y {high} puntos ({level}%)",
        "a mudança em {metric} com {arm} fica entre {low} e {high} pontos ({level}%)",
    ),
    "amount": (
        "the change in {metric} with {arm} lies between {low} and {high} ({level}%)",
        "el cambio en {metric} con {arm} está entre {low} y {high} ({level}%)",
        "a mudança em {metric} com {arm} fica entre {low} e {high} ({level}%)",
    ),
    "scores": (
        "{metric} with {arm} is higher in {low} to {high}% of pairs ({level}%), and 50% is no difference",
        "{metric} con {arm} es mayor en {low} a {high}% de los pares ({level}%), y 50% es igual",
        "{metric} com {arm} é maior em {low} a {high}% dos pares ({level}%), e 50% é igual",
    ),
    "unknown": _CHANGES["unknown"],
}
_MOVES = {True: ("rises", "sube", "sobe"), False: ("falls", "baja", "cai")}
_SCORES = {True: ("higher", "mayor", "maior"), False: ("lower", "menor", "menor")}
_FEW = 10
_MORE_DAYS: tuple[Texts, Texts] = (
    ("1 more day", "1 día más", "mais 1 dia"),
    ("{n} more days", "{n} días más", "mais {n} dias"),
)
_DAYS: tuple[Texts, Texts] = (("1 day", "1 día", "1 dia"), ("{n} days", "{n} días", "{n} dias"))
_POINTS = {
    "proportion": (" points", " puntos", " pontos"),
    "ordinal": (" percentage points", " puntos porcentuales", " pontos percentuais"),
}
_DECIMAL = (".", ".", ",")
_FORMS = {"proportion": "points", "ordinal": "scores"}
_PLAIN, _MOST_DECIMALS = 1e15, 9  # larger numbers, and smaller ones, are told with their exponent


@dataclass(frozen=True, slots=True)
class Change:
    """What a metric did with an arm: `estimate`, `ci` and `margin` in the metric's unit, `level` of the interval."""

    metric: str
    type: str
    arm: str
    estimate: float | None
    ci: tuple[float, float] | None
    level: float
    margin: float | None


def advise(
    advice: str,
    because: str,
    *,
    change: Change | None = None,
    names: Sequence[str] = (),
    days: int | None = None,
    **facts: float | str,
) -> dict[str, str]:
    """What to do and why, by language; `facts` are the numbers and names that are told."""
    told = {}
    for i, language in enumerate(LANGUAGES):
        shown = _shown(facts, i) | {"names": ", ".join(map(_spoken, names))}
        if days is not None:
            shown["days"] = _days(days, _MORE_DAYS, i)
        if change is not None:
            shown |= _about(change, i)
        told[language] = f"{_ADVICE[advice][i]}: {_BECAUSE[because][i]}.".format_map(shown)
    return told


def tell_plan(code: str, *, days: int = 0, **facts: float | str) -> dict[str, str]:
    """Whether a planned test is worth starting, by language."""
    return {
        language: _PLANS[code][i].format_map(_shown(facts, i) | {"days": _days(days, _DAYS, i)})
        for i, language in enumerate(LANGUAGES)
    }


def _shown(facts: dict[str, float | str], i: int) -> dict[str, str]:
    """Names as they are, numbers in whole ones, those below 10 with two digits."""
    return {name: value if isinstance(value, str) else _told(value, i) for name, value in facts.items()}


def _told(value: float, i: int) -> str:
    is_few = value < _FEW and value != math.floor(value)
    return f"{value:.2g}".replace(".", _DECIMAL[i]) if is_few else _number(value, 0, i)


def _days(days: int, forms: tuple[Texts, Texts], i: int) -> str:
    return forms[0][i] if days == 1 else forms[1][i].format(n=days)


def _about(change: Change, i: int) -> dict[str, str]:
    """A metric's name, arm, margin and move; the interval is turned so that it reads in the direction of the move."""
    form = _FORMS.get(change.type, "amount")
    metric = {"metric": _spoken(change.metric), "arm": change.arm}
    about = metric | {"margin": _amount(change.margin, change, i)}
    if change.estimate is None or change.ci is None:
        unknown = _CHANGES["unknown"][i].format_map(metric)
        return about | {"change": unknown, "range": unknown}
    null, words = (0.5, _SCORES) if form == "scores" else (0.0, _MOVES)
    rises = change.estimate >= null
    size, low, high = (change.estimate, *change.ci) if rises else _turned(change.estimate, change.ci, 2 * null)
    parts = metric | {"moves": words[rises][i], "level": f"{100 * change.level:.6g}".replace(".", _DECIMAL[i])}
    moved = parts | _numbers(change, {"size": size, "low": low, "high": high}, i)
    between = parts | _numbers(change, {"low": change.ci[0], "high": change.ci[1]}, i)
    return about | {"change": _CHANGES[form][i].format_map(moved), "range": _RANGES[form][i].format_map(between)}


def _turned(estimate: float, ci: tuple[float, float], whole: float) -> tuple[float, float, float]:
    """Estimate and interval seen from the other side: of a difference, or of a share of a whole."""
    return whole - estimate, whole - ci[1], whole - ci[0]


def _numbers(change: Change, values: dict[str, float], i: int) -> dict[str, str]:
    decimals = _decimals(change)
    return {name: _number(_scale(change) * value, decimals, i) for name, value in values.items()}


def _amount(value: float | None, change: Change, i: int) -> str:
    """A margin, in the words of its metric."""
    if value is None:
        return ""
    unit = _POINTS[change.type][i] if change.type in _POINTS else ""
    return f"{_scale(change) * value:.12g}".replace(".", _DECIMAL[i]) + unit


def _scale(change: Change) -> float:
    return 100.0 if change.type in _FORMS else 1.0


def _decimals(change: Change) -> int:
    """As many as tell the ends of the interval apart by some ten steps."""
    low, high = change.ci or (0.0, 0.0)
    width = _scale(change) * (high - low)
    return 1 if width <= 0 else max(0, 1 - math.floor(math.log10(width)))


def _number(value: float, decimals: int, i: int) -> str:
    """The number with its decimals; −0.0 is 0.0."""
    if abs(value) >= _PLAIN or decimals > _MOST_DECIMALS:
        return f"{value:.3g}".replace("-", "−").replace(".", _DECIMAL[i])
    rounded = round(value, decimals) + 0.0
    return f"{rounded:.{decimals}f}".replace("-", "−").replace(".", _DECIMAL[i])


def _spoken(name: str) -> str:
    """A metric's name as it stands in a sentence."""
    return name.replace("_", " ")
