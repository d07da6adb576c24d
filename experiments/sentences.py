"""What is told in one sentence a curator can act on, in English, Spanish and Portuguese."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LANGUAGES = ("en", "es", "pt")

_SENTENCES: dict[str, tuple[str, str, str]] = {
    "ship": ("Ship {arm}: {change}.", "Publica {arm}: {change}.", "Publique {arm}: {change}."),
    "ship_guarded": (
        "Ship {arm}: {change}; no worse: {names}.",
        "Publica {arm}: {change}; sin empeorar: {names}.",
        "Publique {arm}: {change}; sem piorar: {names}.",
    ),
    "keep_running": (
        "Keep running: {percent} % of the planned sample is in, and no difference is shown yet.",
        "Sigue con la prueba: ya está el {percent} % de la muestra prevista y aún no se ve una diferencia.",
        "Continue o teste: {percent} % da amostra planejada já chegou e ainda não se vê diferença.",
    ),
    "keep_running_days": (
        "Keep running about {days} more days: {percent} % of the planned sample is in, and no difference is shown yet.",
        "Sigue unos {days} días más: ya está el {percent} % de la muestra prevista y aún no se ve una diferencia.",
        "Continue por cerca de {days} dias: {percent} % da amostra planejada já chegou e ainda não se vê diferença.",
    ),
    "keep_running_guarded": (
        "Keep running: {arm} does better, but {metric} is not yet shown to be no worse: {change}.",
        "Sigue con la prueba: {arm} va mejor, pero aún no es seguro que {metric} no empeore: {change}.",
        "Continue o teste: {arm} vai melhor, mas ainda não é certo que {metric} não piore: {change}.",
    ),
    "keep_running_days_guarded": (
        "Keep running about {days} more days: {arm} does better, but {metric} is not yet shown no worse: {change}.",
        "Sigue unos {days} días más: {arm} va mejor, pero aún no es seguro que {metric} no empeore: {change}.",
        "Continue por cerca de {days} dias: {arm} vai melhor, mas ainda não é certo que {metric} não piore: {change}.",
    ),
    "no_data": (
        "Keep running: there is not enough data to compare yet.",
        "Sigue con la prueba: aún no hay datos suficientes para comparar.",
        "Continue o teste: ainda não há dados suficientes para comparar.",
    ),
    "no_difference": (
        "Stop and keep {control}: no difference is shown; {change}.",
        "Termina y quédate con {control}: no se ve una diferencia; {change}.",
        "Encerre e fique com {control}: não se vê diferença; {change}.",
    ),
    "no_primary": (
        "Stop and keep {control}: the test has no primary metric to decide by.",
        "Termina y quédate con {control}: la prueba no tiene una métrica principal para decidir.",
        "Encerre e fique com {control}: o teste não tem uma métrica principal para decidir.",
    ),
    "guardrail_not_shown": (
        "Stop and keep {control}: {arm} does better, but {metric} is not shown to be no worse: {change}.",
        "Termina y quédate con {control}: {arm} va mejor, pero no es seguro que {metric} no empeore: {change}.",
        "Encerre e fique com {control}: {arm} vai melhor, mas não é certo que {metric} não piore: {change}.",
    ),
    "primary_worse": (
        "Stop and keep {control}: {arm} is worse; {change}.",
        "Termina y quédate con {control}: {arm} es peor; {change}.",
        "Encerre e fique com {control}: {arm} é pior; {change}.",
    ),
    "guardrail_breached": (
        "Stop and keep {control}: {arm} does harm; {change}, where {margin} was allowed.",
        "Termina y quédate con {control}: {arm} hace daño; {change}, y solo se permitía {margin}.",
        "Encerre e fique com {control}: {arm} causa dano; {change}, e só se permitia {margin}.",
    ),
    "unreachable": (
        "{weekly} units a week would take {months} more months; pool entries or try a bolder change.",
        "Con {weekly} unidades por semana faltarían {months} meses; junta artículos o prueba un cambio más audaz.",
        "Com {weekly} unidades por semana faltariam {months} meses; junte artigos ou tente uma mudança mais ousada.",
    ),
    "srm_mismatch": (
        "Do not trust this test: the traffic split is off (SRM: {exposures}). Find out why before reading on.",
        "No te fíes de esta prueba: el reparto del tráfico no cuadra (SRM: {exposures}). Averigua antes por qué.",
        "Não confie neste teste: a divisão do tráfego não bate (SRM: {exposures}). Descubra antes por quê.",
    ),
    "several_arms": (
        "Do not trust this test: {units} units saw more than one arm.",
        "No te fíes de esta prueba: {units} unidades vieron más de una variante.",
        "Não confie neste teste: {units} unidades viram mais de uma variante.",
    ),
    "response_rates_differ": (
        "Do not trust this test: the arms changed who answered the survey, so its scores cannot be compared.",
        "No te fíes de esta prueba: las variantes cambiaron quién respondió la encuesta; sus notas no son comparables.",
        "Não confie neste teste: as variantes mudaram quem respondeu à pesquisa; as notas não são comparáveis.",
    ),
    "not_normal": (
        "Do not trust this test yet: a few extreme values decide it. Cap the metric, or wait for more units.",
        "No te fíes aún de esta prueba: pocos valores extremos la deciden. Acota la métrica o espera más unidades.",
        "Não confie ainda neste teste: poucos valores extremos o decidem. Limite a métrica ou espere mais unidades.",
    ),
    "plan_open": (
        "Name the effect you would act on, to learn how long the test takes.",
        "Indica el efecto por el que actuarías, para saber cuánto dura la prueba.",
        "Indique o efeito pelo qual você agiria, para saber quanto dura o teste.",
    ),
    "plan_impossible": (
        "No number of units would show this effect; look for a larger one.",
        "Ningún número de unidades mostraría este efecto; busca uno mayor.",
        "Nenhum número de unidades mostraria este efeito; procure um maior.",
    ),
    "plan_sized": (
        "The test needs {units} units over all arms.",
        "La prueba necesita {units} unidades entre todas las variantes.",
        "O teste precisa de {units} unidades entre todas as variantes.",
    ),
    "plan_reachable": (
        "The test needs {units} units over all arms: about {days} days at today's traffic.",
        "La prueba necesita {units} unidades entre todas las variantes: unos {days} días con el tráfico de hoy.",
        "O teste precisa de {units} unidades entre todas as variantes: cerca de {days} dias com o tráfego de hoje.",
    ),
    "plan_unreachable": (
        "{weekly} units a week would take {months} months; pool entries or try a bolder change.",
        "Con {weekly} unidades por semana harían falta {months} meses; junta artículos o prueba un cambio más audaz.",
        "Com {weekly} unidades por semana seriam {months} meses; junte artigos ou tente uma mudança mais ousada.",
    ),
}
_CHANGES: dict[str, tuple[str, str, str]] = {
    "points": (
        "{metric} {moves} {size} points (95 % between {low} and {high})",
        "{metric} {moves} {size} puntos (95 % entre {low} y {high})",
        "{metric} {moves} {size} pontos (95 % entre {low} e {high})",
    ),
    "amount": (
        "{metric} {moves} by {size} (95 % between {low} and {high})",
        "{metric} {moves} {size} (95 % entre {low} y {high})",
        "{metric} {moves} {size} (95 % entre {low} e {high})",
    ),
    "scores": (
        "{arm} scores higher on {metric} in {size} % of pairs (95 % between {low} and {high})",
        "{arm} puntúa más en {metric} en el {size} % de los pares (95 % entre {low} y {high})",
        "{arm} tem nota maior em {metric} em {size} % dos pares (95 % entre {low} e {high})",
    ),
    "unknown": ("{metric} has no result", "{metric} no tiene resultado", "{metric} não tem resultado"),
}
_MOVES = {True: ("rises", "sube", "sobe"), False: ("falls", "baja", "cai")}
_DECIMAL = (".", ".", ",")
_POINTS = (" points", " puntos", " pontos")
_IN_HUNDREDTHS = ("proportion", "ordinal")


@dataclass(frozen=True, slots=True)
class Change:
    """What a metric did with an arm: `estimate`, `ci` and `margin` in the metric's unit."""

    metric: str
    type: str
    arm: str
    estimate: float | None
    ci: tuple[float, float] | None
    margin: float | None


def say(
    code: str,
    *,
    change: Change | None = None,
    names: Sequence[str] = (),
    **facts: float | str | None,
) -> dict[str, str]:
    """The sentence with this code, by language; `facts` are the numbers and names it mentions."""
    return {language: _say(code, i, change, names, facts) for i, language in enumerate(LANGUAGES)}


def _say(code: str, i: int, change: Change | None, names: Sequence[str], facts: dict[str, float | str | None]) -> str:
    shown = {name: value if isinstance(value, str) else _number(value, 0, i) for name, value in facts.items()}
    if change is not None:
        shown |= {"change": _change(change, i), "arm": change.arm, "metric": _spoken(change.metric)}
        shown["margin"] = _amount(change.margin, change, i)
    return _SENTENCES[code][i].format_map(shown | {"names": ", ".join(map(_spoken, names))})


def _change(change: Change, i: int) -> str:
    """How the metric moved, with its interval turned so that it reads in the direction of the move."""
    if change.estimate is None or change.ci is None:
        return _CHANGES["unknown"][i].format(metric=_spoken(change.metric))
    form = {"proportion": "points", "ordinal": "scores"}.get(change.type, "amount")
    decimals = _decimals(change)
    rises = change.type == "ordinal" or change.estimate >= 0
    low, high = change.ci if rises else (-change.ci[1], -change.ci[0])
    size, low, high = (_scale(change) * value for value in (change.estimate if rises else -change.estimate, low, high))
    return _CHANGES[form][i].format(
        metric=_spoken(change.metric),
        arm=change.arm,
        moves=_MOVES[rises][i],
        size=_number(size, decimals, i),
        low=_number(low, decimals, i),
        high=_number(high, decimals, i),
    )


def _amount(value: float | None, change: Change, i: int) -> str:
    """A margin, in the words of its metric."""
    if value is None:
        return ""
    unit = _POINTS[i] if change.type in _IN_HUNDREDTHS else ""
    return f"{_scale(change) * value:g}".replace(".", _DECIMAL[i]) + unit


def _scale(change: Change) -> float:
    return 100.0 if change.type in _IN_HUNDREDTHS else 1.0


def _decimals(change: Change) -> int:
    """As many as tell the ends of the interval apart by some ten steps."""
    low, high = change.ci or (0.0, 0.0)
    width = _scale(change) * (high - low)
    return 1 if width <= 0 else max(0, min(9, 1 - math.floor(math.log10(width))))


def _number(value: float | None, decimals: int, i: int) -> str:
    return f"{value or 0:.{decimals}f}".replace("-", "−").replace(".", _DECIMAL[i])


def _spoken(name: str) -> str:
    """A metric's name as it stands in a sentence."""
    return name.replace("_", " ")
