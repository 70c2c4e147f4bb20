"""The list of a scheduler's models as text: pages, search, whether each model fits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.domain.status import Model
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.presentation.status import in_code

MODELS_PER_PAGE = 15


def fit_text(locale: str, model: Model, memory: float) -> str:
    """Whether a model fits into ``memory`` GB; empty when the scheduler does not report what it needs."""
    if not model.memory_gb:
        return ""
    missing = math.ceil(model.memory_gb - memory)
    return say(locale, "models.fits") if missing <= 0 else say(locale, "models.needs", gb=missing)


def found_models(models: Sequence[Model], wanted: str, *, running: str | None) -> list[Model]:
    """The models whose name or provider contains every word of ``wanted``, the running one first."""
    words = wanted.lower().split()
    found = [one for one in models if all(word in f"{one.name} {one.provider or ''}".lower() for word in words)]
    return sorted(found, key=lambda model: (model.name != running, model.name.lower()))


def models_page(
    locale: str,
    models: Sequence[Model],
    *,
    running: str | None,
    page: int,
    memory: float | None = None,
    wanted: str = "",
) -> tuple[str, int]:
    """One page (from 0) of the models that match ``wanted``, and the number of pages.

    With ``memory`` in GB the text also says whether each model fits (for operators); None leaves that out."""
    found = found_models(models, wanted, running=running)
    pages = max(1, -(-len(found) // MODELS_PER_PAGE))
    page = min(max(page, 0), pages - 1)
    small = say(locale, "models.page", page=page + 1, pages=pages)
    if wanted:
        small += f" · {say(locale, 'models.wanted', wanted=escape_inline(wanted[:80]))}"
    head = f"### {say(locale, 'models.title')}\n-# {small}"
    if not found:
        return f"{head}\n{say(locale, 'models.nothing' if models else 'models.none')}", pages
    shown = found[page * MODELS_PER_PAGE : (page + 1) * MODELS_PER_PAGE]
    lines = [_model_line(locale, model, is_running=model.name == running, memory=memory) for model in shown]
    return "\n".join([head, *lines]), pages


def _model_line(locale: str, model: Model, *, is_running: bool, memory: float | None) -> str:
    details = [escape_inline(part) for part in (model.provider, model.size) if part]
    if model.memory_gb:
        details.append(say(locale, "models.memory", gb=model.memory_gb))
    elif not model.size:
        details.append(say(locale, "models.unknown_memory"))
    if is_running:
        details.append(f"**{say(locale, 'models.running')}**")
    elif memory is not None and (fit := fit_text(locale, model, memory)):
        details.append(fit)
    return f"{'●' if is_running else '○'} `{in_code(model.name)}` · {' · '.join(details)}"
