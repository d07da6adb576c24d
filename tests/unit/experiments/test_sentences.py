"""The sentences: whole, in three languages, with the numbers of their own language."""

import re
import string
from dataclasses import replace

import pytest

from experiments.sentences import (
    _ADVICE,
    _BECAUSE,
    _CHANGES,
    _DAYS,
    _MORE_DAYS,
    _PLANS,
    _RANGES,
    LANGUAGES,
    Change,
    advise,
    tell_plan,
)

UP = Change("contact_rate", "proportion", "b", 0.0312, (0.0124, 0.0498), 0.95, 0.02)
DOWN = replace(UP, estimate=-0.0312, ci=(-0.0498, -0.0124), margin=0.025)
TIME = Change("handle_time", "mean", "b", -14.0, (-61.6, 33.6), 0.95, 0.5)
SCORES = Change("msat", "ordinal", "b", 0.438, (0.301, 0.574), 0.95, 0.1)
HIGHER = replace(SCORES, estimate=1 - (SCORES.estimate or 0), ci=(0.43, 0.7))
FACTS = {"control": "a0", "percent": 40.0, "weekly": 40.0, "months": 14.2, "exposures": "a0 10", "units": 3}


def shipped(change: Change) -> dict[str, str]:
    """What is told of an arm that does better."""
    return advise("ship", "primary_better", change=change)


def still_open(change: Change) -> dict[str, str]:
    """What is told where nothing is shown."""
    return advise("stop", "no_difference", change=change, control="a0")


def assert_whole(told: dict[str, str]) -> None:
    """Three sentences, with nothing left to fill in."""
    assert tuple(told) == LANGUAGES == ("en", "es", "pt")
    for text in told.values():
        assert text[0].isupper() or text[0].isdigit()
        assert text.endswith(".")
        assert not text.endswith("..")
        assert not re.search(r"[{}_]|None|  |\d %|−0(\.0+)?(?![.,\d])", text)
    assert len(set(told.values())) == 3


@pytest.mark.parametrize("because", _BECAUSE)
@pytest.mark.parametrize("advice", _ADVICE)
@pytest.mark.parametrize("change", [UP, DOWN, TIME, SCORES, replace(UP, ci=None)])
def test_every_advice_is_whole_in_every_language(advice: str, because: str, change: Change) -> None:
    """Nothing is left to fill in, and it ends with a full stop."""
    assert_whole(advise(advice, because, change=change, names=["reopen_rate"], days=9, **FACTS))


@pytest.mark.parametrize("code", _PLANS)
def test_every_plan_is_whole_in_every_language(code: str) -> None:
    """As the verdicts are."""
    assert_whole(tell_plan(code, days=9, **FACTS))


@pytest.mark.parametrize(
    "texts",
    [
        *(text for table in (_ADVICE, _BECAUSE, _PLANS, _CHANGES, _RANGES) for text in table.values()),
        *_DAYS,
        *_MORE_DAYS,
    ],
)
def test_all_languages_tell_the_same_facts(texts: tuple[str, str, str]) -> None:
    """A translation leaves out no number or name."""
    named = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in texts]
    assert named[0] == named[1] == named[2]


def test_changes_and_ranges_are_told_of_the_same_kinds() -> None:
    """Whatever has a change has a range."""
    assert set(_CHANGES) == set(_RANGES)


def test_a_rise_is_told_in_points() -> None:
    """A proportion's unit is the percentage point."""
    assert shipped(UP) == {
        "en": "Ship b: contact rate rises 3.1 points (95% between 1.2 and 5.0).",
        "es": "Publica b: contact rate sube 3.1 puntos (95% entre 1.2 y 5.0).",
        "pt": "Publique b: contact rate sobe 3,1 pontos (95% entre 1,2 e 5,0).",
    }


def test_a_fall_is_told_as_a_size_and_its_interval_turned() -> None:
    """Nobody has to think about minus signs."""
    told = advise("stop", "guardrail_breached", change=DOWN, control="a0")
    assert told == {
        "en": "Stop and keep a0: b does harm; contact rate falls 3.1 points (95% between 1.2 and 5.0), "
        "and the margin was 2.5 points.",
        "es": "Termina y quédate con a0: b perjudica; contact rate baja 3.1 puntos (95% entre 1.2 y 5.0), "
        "y el margen era de 2.5 puntos.",
        "pt": "Encerre e fique com a0: b prejudica; contact rate cai 3,1 pontos (95% entre 1,2 e 5,0), "
        "e a margem era de 2,5 pontos.",
    }


@pytest.mark.parametrize("kind", ["mean", "ratio"])
def test_a_mean_is_told_in_its_own_unit(kind: str) -> None:
    """The margin too."""
    told = advise("stop", "guardrail_breached", change=replace(TIME, type=kind), control="a0")
    assert told["en"].endswith("handle time falls by 14 (95% between −34 and 62), and the margin was 0.5.")
    assert told["es"].endswith("handle time baja 14 (95% entre −34 y 62), y el margen era de 0.5.")
    assert told["pt"].endswith("handle time cai 14 (95% entre −34 e 62), e a margem era de 0,5.")


def test_scores_are_told_as_pairs() -> None:
    """P(higher) + P(equal)/2 of all pairs of one customer of either arm, from the side that has more than half."""
    ends = {"en": "(95% between 43 and 70).", "es": "(95% entre 43 y 70).", "pt": "(95% entre 43 e 70)."}
    for change, words in ((SCORES, ("lower", "menor", "menor")), (HIGHER, ("higher", "mayor", "maior"))):
        assert shipped(change) == {
            "en": f"Ship b: msat with b is {words[0]} in 56% of pairs, ties counting half {ends['en']}",
            "es": f"Publica b: msat con b es {words[1]} en el 56% de los pares, y los empates cuentan la mitad "
            f"{ends['es']}",
            "pt": f"Publique b: msat com b é {words[2]} em 56% dos pares, e os empates contam metade {ends['pt']}",
        }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            replace(UP, estimate=-0.03, ci=(-0.013, 0.0741)),
            (
                "the change in contact rate with b lies between −1.3 and 7.4 points (95%).",
                "el cambio en contact rate con b está entre −1.3 y 7.4 puntos (95%).",
                "a mudança em contact rate com b fica entre −1,3 e 7,4 pontos (95%).",
            ),
        ),
        (
            TIME,
            (
                "the change in handle time with b lies between −62 and 34 (95%).",
                "el cambio en handle time con b está entre −62 y 34 (95%).",
                "a mudança em handle time com b fica entre −62 e 34 (95%).",
            ),
        ),
        (
            SCORES,
            (
                "msat with b is higher in 30 to 57% of pairs (95%), and 50% is no difference.",
                "msat con b es mayor en 30 a 57% de los pares (95%), y 50% es igual.",
                "msat com b é maior em 30 a 57% dos pares (95%), e 50% é igual.",
            ),
        ),
    ],
)
def test_where_nothing_is_shown_the_range_is_told_as_it_is(change: Change, told: tuple[str, str, str]) -> None:
    """The signs of its ends are those of the difference, whichever way the estimate goes."""
    opened = still_open(change)
    assert [text.split(": ", 1)[1] for text in opened.values()] == [
        f"{said}: {of}"
        for said, of in zip(
            ("no difference is shown", "no se ve una diferencia", "não se vê diferença"), told, strict=True
        )
    ]


def test_a_guardrail_that_is_not_shown_tells_margin_and_range() -> None:
    """What may still happen against what would be accepted."""
    told = advise("keep_running", "guardrail_not_shown", change=replace(DOWN, level=0.9))
    assert told == {
        "en": "Keep running: b does better, but contact rate may still get worse by more than the margin of 2.5 "
        "points: the change in contact rate with b lies between −5.0 and −1.2 points (90%).",
        "es": "Sigue con la prueba: b va mejor, pero contact rate aún puede empeorar más que el margen de 2.5 puntos: "
        "el cambio en contact rate con b está entre −5.0 y −1.2 puntos (90%).",
        "pt": "Continue o teste: b vai melhor, mas contact rate ainda pode piorar mais que a margem de 2,5 pontos: "
        "a mudança em contact rate com b fica entre −5,0 e −1,2 pontos (90%).",
    }


@pytest.mark.parametrize(("level", "told"), [(0.99, "99%"), (0.9, "90%"), (0.6, "60%"), (0.975, "97.5%")])
def test_the_level_is_that_of_the_interval(level: float, told: str) -> None:
    """Whatever it is, with its decimals."""
    assert f"({told} between" in shipped(replace(UP, level=level))["en"]
    assert f"({told})" in still_open(replace(UP, level=level))["en"]
    assert f"({told.replace('.', ',')} entre" in shipped(replace(UP, level=level))["pt"]


@pytest.mark.parametrize("alpha", [1e-3, 1e-4, 1e-5, 1e-6])
def test_no_interval_has_a_level_of_100(alpha: float) -> None:
    """However small alpha is."""
    for text in (*shipped(replace(UP, level=1 - alpha)).values(), *still_open(replace(UP, level=1 - alpha)).values()):
        assert "100%" not in text


@pytest.mark.parametrize(
    "change", [replace(UP, ci=None), replace(UP, estimate=None), replace(UP, estimate=None, ci=None)]
)
def test_a_metric_without_a_result_says_so(change: Change) -> None:
    """No number is made up."""
    no_result = ["contact rate has no result.", "contact rate no tiene resultado.", "contact rate não tem resultado."]
    for told in (shipped(change), still_open(change)):
        assert [text.split(": ")[-1] for text in told.values()] == no_result


@pytest.mark.parametrize(
    ("ci", "shown"),
    [
        ((1e6, 2e6), "1500000"),
        ((1.0, 2.0), "1.5"),
        ((0.001, 0.002), "0.0015"),
        ((1.5, 1.5), "1.5"),
        ((1e-13, 2e-13), "1.5e−13"),
        ((9.5e14, 1.03e15), "990000000000000"),
        ((0.5e15, 2e15), "1.25e+15"),
        ((0.5e100, 2e100), "1.25e+100"),
    ],
)
def test_digits_follow_the_width_of_the_interval(ci: tuple[float, float], shown: str) -> None:
    """As many as tell its ends apart, at most nine decimals; an exponent where nobody reads the digits."""
    change = replace(TIME, estimate=(ci[0] + ci[1]) / 2, ci=ci)
    assert f"time rises by {shown} (" in shipped(change)["en"]
    assert f"time sobe {shown.replace('.', ',')} (" in shipped(change)["pt"]


def test_zero_has_no_minus_sign() -> None:
    """−0.0 is 0.0, as an end of an interval and as a size."""
    change = replace(TIME, estimate=1.0, ci=(-0.0004, 2.0))
    assert "between 0.0 and 2.0)" in shipped(change)["en"]
    assert "lies between 0.0 and 2.0 (" in still_open(change)["en"]
    assert "falls by 0.0 (95% between −2.0 and 0.0)" in shipped(replace(change, estimate=-1e-9, ci=(-0.0, 2.0)))["en"]


def test_a_large_negative_end_has_its_sign() -> None:
    """The same one as other numbers have."""
    assert "between −1e+20 and 1e+20 (" in still_open(replace(TIME, ci=(-1e20, 1e20)))["en"]


def test_one_day_is_a_singular() -> None:
    """In all three languages, of verdicts and of plans."""
    told = advise("keep_running_days", "before_planned_end", days=1, percent=99)
    assert told == {
        "en": "Keep running about 1 more day: 99% of the planned sample is in, and no difference is shown yet.",
        "es": "Sigue con la prueba cerca de 1 día más: ya está el 99% de la muestra prevista y aún no se ve una "
        "diferencia.",
        "pt": "Continue o teste por cerca de mais 1 dia: 99% da amostra planejada já chegou e ainda não se vê "
        "diferença.",
    }
    assert tell_plan("reachable", days=1, units=40) == {
        "en": "The test needs 40 units over all arms, and with today's traffic about 1 day.",
        "es": "La prueba necesita 40 unidades entre todas las variantes y, con el tráfico de hoy, cerca de 1 día.",
        "pt": "O teste precisa de 40 unidades entre todas as variantes e, com o tráfego de hoje, de cerca de 1 dia.",
    }


def test_several_days_are_a_plural() -> None:
    """In all three languages."""
    told = advise("keep_running_days", "before_planned_end", days=14, percent=50)
    assert [text.split(":")[0] for text in told.values()] == [
        "Keep running about 14 more days",
        "Sigue con la prueba cerca de 14 días más",
        "Continue o teste por cerca de mais 14 dias",
    ]
    assert [text[-8:] for text in tell_plan("reachable", days=14, units=40).values()] == [
        "14 days.", "14 días.", "14 dias.",
    ]  # fmt: skip


def test_one_unit_is_a_singular() -> None:
    """In all three languages."""
    told = advise("do_not_trust", "several_arms", units=1)
    assert not [text for text in told.values() if re.search(r"\b1 (units|unidades)\b", text)]


def test_a_test_that_is_not_trusted_says_so_first() -> None:
    """The same three words whatever the reason."""
    told = advise("do_not_trust", "srm_mismatch", exposures="a0 10, b 30")
    assert told["en"].startswith("Do not trust this test: the traffic split is off (SRM: a0 10, b 30)")
    assert told["es"].startswith("No confíes en esta prueba: el reparto del tráfico no cuadra (SRM: a0 10, b 30)")
    assert told["pt"].startswith("Não confie neste teste: a divisão do tráfego não bate (SRM: a0 10, b 30)")


def test_what_is_out_of_reach_names_entries() -> None:
    """They are what may be pooled."""
    for told in (
        advise("stop", "unreachable", control="a0", weekly=35.0, months=13.2),
        tell_plan("unreachable", **FACTS),
    ):
        assert "pool entries" in told["en"]
        assert "junta entradas" in told["es"]
        assert "junte entradas" in told["pt"]
    assert advise("stop", "unreachable", control="a0", weekly=35.0, months=13.2)["en"] == (
        "Stop and keep a0: 35 units a week would take 13 more months; pool entries or try a bolder change."
    )


@pytest.mark.parametrize("margin", [1234567.0, 4e6, 123456789.0])
def test_a_margin_is_told_as_other_numbers_are(margin: float) -> None:
    """Without an exponent where there is none in the estimate."""
    change = replace(TIME, estimate=8e6, ci=(7e6, 9e6), margin=margin)
    assert advise("stop", "guardrail_breached", change=change, control="a0")["en"].endswith(
        f"and the margin was {margin:.0f}."
    )


def test_names_are_spoken_without_underscores() -> None:
    """Metrics of a list too; arms keep their names."""
    told = advise("ship", "guardrails_pass", change=replace(UP, arm="arm_b"), names=["reopen_rate", "handle_time"])
    assert told["en"].startswith("Ship arm_b: contact rate rises")
    assert told["en"].endswith("; within the margin: reopen rate, handle time.")


def test_names_that_look_like_placeholders_stay_as_they_are() -> None:
    """A name is never filled in."""
    assert "{days} rises" in shipped(replace(UP, metric="{days}"))["en"]
    assert still_open(replace(UP, arm="{metric}", type="ordinal"))["en"].count("{metric}") == 1
    assert advise("stop", "no_primary", control="{change}")["en"].startswith("Stop and keep {change}:")
