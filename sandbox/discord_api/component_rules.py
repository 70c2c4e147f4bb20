"""Discord's limits on components.

Sources: docs.discord.com, developers/components/reference; the 4000 characters over all TextDisplays are
documented there under "Text Display" and enforced by Discord per message.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.discord_api.component_tree import (
    ACTION_ROW,
    BUTTON,
    CONTAINER,
    FILE,
    LABEL,
    MEDIA_GALLERY,
    SECTION,
    SELECTS,
    SEPARATOR,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    THUMBNAIL,
    walk,
)
from sandbox.discord_api.wire import JSON, form_error, too_long

MAX_COMPONENTS = 40
MAX_TEXT = 4000
_TOP_LEVEL = (ACTION_ROW, SECTION, TEXT_DISPLAY, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER)
_IN_CONTAINER = tuple(kind for kind in _TOP_LEVEL if kind != CONTAINER)
_LINK, _PREMIUM = 5, 6


def validate(components: list[JSON], *, v2: bool) -> None:
    """Raises 50035 for the first component of a message that Discord would refuse."""
    if not v2 and len(components) > 5:
        raise form_error("components", "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")
    allowed = _TOP_LEVEL if v2 else (ACTION_ROW,)
    for index, component in enumerate(components):
        _one(component, f"components.{index}", allowed)
    every = list(walk(components))
    if len(every) > MAX_COMPONENTS:
        raise form_error(
            "components",
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            f"The total number of components cannot exceed {MAX_COMPONENTS}.",
        )
    text = sum(len(str(c.get("content", ""))) for c in every if c.get("type") == TEXT_DISPLAY)
    if text > MAX_TEXT:
        raise form_error(
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The total displayable text size of the components exceeds {MAX_TEXT}.",
        )
    _unique(every)


def validate_modal(modal: JSON) -> None:
    """Raises 50035 for a modal that Discord would refuse (developers/interactions, "Modal")."""
    _text(modal, "title", "data", 1, 45)
    _text(modal, "custom_id", "data", 1, 100)
    components = modal.get("components") or []
    if not 1 <= len(components) <= 5:
        raise _between("data.components", 1, 5)
    for index, component in enumerate(components):
        _one(component, f"data.components.{index}", (ACTION_ROW, LABEL, TEXT_DISPLAY), modal=True)
    _unique(list(walk(components)))


def _unique(every: list[JSON]) -> None:
    seen: set[str] = set()
    for c in every:
        custom_id = c.get("custom_id")
        if custom_id in seen:
            raise form_error(
                "components",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        if custom_id is not None:
            seen.add(custom_id)


def _between(path: str, low: int, high: int) -> Exception:
    return form_error(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")


def _text(component: JSON, key: str, path: str, low: int, high: int, *, required: bool = True) -> None:
    value = component.get(key)
    if value is None and not required:
        return
    if value is None:
        raise form_error(f"{path}.{key}", "BASE_TYPE_REQUIRED", "This field is required")
    if not low <= len(str(value)) <= high:
        raise _between(f"{path}.{key}", low, high)


def _one(component: JSON, path: str, allowed: tuple[int, ...], *, modal: bool = False) -> None:
    kind = component.get("type")
    if kind not in allowed:
        raise form_error(
            f"{path}.type",
            "UNION_TYPE_CHOICES",
            f'Value of field "type" must be one of {allowed}.',
        )
    if kind == ACTION_ROW:
        _row(component, path, modal=modal)
    elif kind in SELECTS:
        _select(component, path)
    elif kind in _CHECKS:
        _CHECKS[kind](component, path)


def _row(row: JSON, path: str, *, modal: bool) -> None:
    children = row.get("components") or []
    if not 1 <= len(children) <= 5:
        raise _between(f"{path}.components", 1, 5)
    only = children[0].get("type") in (*SELECTS, TEXT_INPUT)
    if only and len(children) > 1:
        raise form_error(
            f"{path}.components",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the width.",
        )
    allowed = (TEXT_INPUT,) if modal else (BUTTON, *SELECTS)
    for index, child in enumerate(children):
        _one(child, f"{path}.components.{index}", allowed)


def _button(button: JSON, path: str) -> None:
    style = button.get("style")
    if style not in (1, 2, 3, 4, _LINK, _PREMIUM):
        raise form_error(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    _text(button, "label", path, 0, 80, required=False)
    if style == _LINK:
        _text(button, "url", path, 1, 512)
        if button.get("custom_id") is not None:
            raise form_error(
                path,
                "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be set",
            )
    elif style != _PREMIUM:
        _text(button, "custom_id", path, 1, 100)
    if style != _PREMIUM and not button.get("label") and not button.get("emoji"):
        raise form_error(path, "BUTTON_COMPONENT_INVALID", "A button must have a label or an emoji.")


def _select(select: JSON, path: str) -> None:
    _text(select, "custom_id", path, 1, 100)
    _text(select, "placeholder", path, 0, 150, required=False)
    if select.get("type") != STRING_SELECT:
        return
    options = select.get("options") or []
    if not 1 <= len(options) <= 25:
        raise _between(f"{path}.options", 1, 25)
    seen: set[str] = set()
    for index, option in enumerate(options):
        here = f"{path}.options.{index}"
        _text(option, "label", here, 1, 100)
        _text(option, "value", here, 1, 100)
        _text(option, "description", here, 0, 100, required=False)
        if option["value"] in seen:
            raise form_error(
                f"{here}.value",
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        seen.add(option["value"])


def _text_display(component: JSON, path: str) -> None:
    content = component.get("content")
    if not content:
        raise form_error(f"{path}.content", "BASE_TYPE_REQUIRED", "This field is required")
    if len(str(content)) > MAX_TEXT:
        raise too_long(f"{path}.content", MAX_TEXT)


def _section(component: JSON, path: str) -> None:
    texts = component.get("components") or []
    if not 1 <= len(texts) <= 3:
        raise _between(f"{path}.components", 1, 3)
    for index, text in enumerate(texts):
        _one(text, f"{path}.components.{index}", (TEXT_DISPLAY,))
    accessory = component.get("accessory")
    if not accessory:
        raise form_error(f"{path}.accessory", "BASE_TYPE_REQUIRED", "This field is required")
    _one(accessory, f"{path}.accessory", (BUTTON, THUMBNAIL))


def _container(component: JSON, path: str) -> None:
    children = component.get("components") or []
    if not children:
        raise form_error(f"{path}.components", "BASE_TYPE_REQUIRED", "This field is required")
    for index, child in enumerate(children):
        _one(child, f"{path}.components.{index}", _IN_CONTAINER)


def _gallery(component: JSON, path: str) -> None:
    items = component.get("items") or []
    if not 1 <= len(items) <= 10:
        raise _between(f"{path}.items", 1, 10)
    for index, item in enumerate(items):
        _media(item, f"{path}.items.{index}")


def _media(holder: JSON, path: str, key: str = "media") -> None:
    if not (holder.get(key) or {}).get("url"):
        raise form_error(f"{path}.{key}", "BASE_TYPE_REQUIRED", "This field is required")


def _thumbnail(component: JSON, path: str) -> None:
    _media(component, path)


def _file(component: JSON, path: str) -> None:
    _media(component, path, "file")
    if not str(component["file"]["url"]).startswith("attachment://"):
        raise form_error(f"{path}.file.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('attachment',).")


def _label(component: JSON, path: str) -> None:
    _text(component, "label", path, 1, 45)
    _text(component, "description", path, 0, 100, required=False)
    child = component.get("component")
    if not child:
        raise form_error(f"{path}.component", "BASE_TYPE_REQUIRED", "This field is required")
    _one(child, f"{path}.component", (TEXT_INPUT, *SELECTS, 19, 21, 22, 23))


def _text_input(component: JSON, path: str) -> None:
    _text(component, "custom_id", path, 1, 100)
    _text(component, "placeholder", path, 0, 100, required=False)
    _text(component, "value", path, 0, 4000, required=False)


_CHECKS: dict[int, Callable[[JSON, str], None]] = {
    BUTTON: _button,
    TEXT_DISPLAY: _text_display,
    SECTION: _section,
    CONTAINER: _container,
    MEDIA_GALLERY: _gallery,
    THUMBNAIL: _thumbnail,
    FILE: _file,
    LABEL: _label,
    TEXT_INPUT: _text_input,
}
