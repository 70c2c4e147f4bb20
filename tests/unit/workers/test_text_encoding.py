"""Text files in other encodings than UTF-8, and with bytes that belong to none."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workers.text_encoding import NOT_TEXT, Decoded, decoded_at_once, guess, main

JAPANESE = "これは日本語のテキストです。クラスターの設定を確認してください。\n"
CHINESE = "这是一个中文文本文件，请总结它的内容。谢谢！\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Grüße aus Köln: das größte Gerät kostet 42 € und läuft über Nacht.\n", "cp1252"),
        ("Café déjà vu", "cp1252"),
        ("¿Qué pasó? El niño comió “pan” – ¡sí!", "cp1252"),
        ("é", "cp1252"),
        ("Proszę o streszczenie tego tekstu, dziękuję za pomoc i życzę miłego dnia.\n", "cp1250"),
        ("Это текст на русском языке, проверьте его.\n", "cp1251"),
        (JAPANESE, "cp932"),
        ("日本語", "cp932"),
        ("# config\nname = サーバー\nhost = localhost\n", "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        ("姓名,年龄\n张三,25\n李四,30\n", "gb18030"),
        ("你好", "gb18030"),
        ("這是一個中文文字檔案，請總結它的內容。謝謝！", "big5"),
        ("이것은 한국어 텍스트 파일입니다. 요약해 주세요.", "cp949"),
        ("Hello world\n", "utf_16_le"),
        ("Grüße aus Köln\n", "utf_16_be"),
        (JAPANESE, "utf_16_le"),
        (CHINESE, "utf_16_be"),
    ],
)
def test_f4_the_encoding_is_guessed(text: str, encoding: str) -> None:
    """Of what people of several languages have on their disks, long or short."""
    data = text.encode(encoding)
    assert decoded_at_once(data) is None
    assert guess(data) == (encoding, Decoded(text))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain text with one bad byte \xff here", "plain text with one bad byte � here"),
        ("Zürich ".encode() * 5 + b"\xfc", "Zürich " * 5 + "�"),
        ("日本語\n".encode() + b"\xe3\x81", "日本語\n�"),
    ],
)
def test_f4_one_bad_byte_is_replaced_and_counted(data: bytes, text: str) -> None:
    """The file is UTF-8 all the same."""
    assert decoded_at_once(data) == Decoded(text, replaced=1)


def test_f4_a_bad_byte_in_another_encoding_is_replaced_too() -> None:
    """A file that was cut off in the middle of a letter."""
    data = (JAPANESE * 20).encode("cp932") + b"\x81"
    assert decoded_at_once(data) is None
    assert guess(data) == ("cp932", Decoded(JAPANESE * 20 + "�", replaced=1))


def test_f4_bytes_that_are_no_text_are_refused() -> None:
    """Random ones, with and without NUL, and control characters."""
    noise = random.Random(7).randbytes(5000)
    for data in (noise, noise.replace(b"\0", b"\1"), b"a\0b", b"\x7fELF\x02\x01\x01\0"):
        assert decoded_at_once(data) is None
        assert guess(data) is None


@given(st.text())
def test_f4_utf_8_is_never_guessed(text: str) -> None:
    """Any text in UTF-8 without NUL is read as it is, with a byte order mark or without."""
    text = text.replace("\0", "").lstrip("\ufeff")
    for encoding in ("utf-8", "utf-8-sig"):
        decoded = decoded_at_once(text.encode(encoding))
        assert decoded is not None
        assert (decoded.text, decoded.encoding) == (text, "")


@given(st.binary(max_size=400))
def test_f4_any_bytes_are_text_or_not(data: bytes) -> None:
    """Nothing raises."""
    found = decoded_at_once(data) or guess(data)
    assert found is None or found


def test_f4_the_program_writes_the_encoding_and_the_text(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """With the number of replaced bytes; of what is no text it writes nothing."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((JAPANESE * 20).encode("cp932") + b"\x81")))
    main()
    assert capsysbinary.readouterr().out.decode() == f"cp932 1\n{JAPANESE * 20}\ufffd"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\0b")))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == NOT_TEXT
    assert capsysbinary.readouterr().out == b""
