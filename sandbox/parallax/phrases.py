"""Material for the double's answers: sentences with a place for the topic, code, tables, formulas."""

from typing import Final

__all__ = [
    "CJK",
    "CLOSINGS",
    "CODE",
    "EMOJI",
    "FORMULAS",
    "HEADINGS",
    "ITEMS",
    "LINKS",
    "OPENINGS",
    "QUOTES",
    "SENTENCES",
    "STEPS",
    "TABLES",
    "THOUGHTS",
]

OPENINGS: Final = (
    "Short answer: **{topic}** is mostly a question of what you measure first.",
    "There are two sides to {topic}, and the second one is easy to miss.",
    "Good question. With {topic}, the details decide more than the idea does.",
    "In brief, {topic} works because each part does one small thing well.",
    "Let's take {topic} apart and look at the pieces in order.",
    "It depends, but for {topic} there is a sensible default.",
)
SENTENCES: Final = (
    "The part that costs the most time is rarely the part that looks expensive.",
    "When {topic} is slow, look at the waiting before you look at the work.",
    "A small example shows it better than a definition, so here is one.",
    "Most trouble with {topic} comes from *two* clocks that disagree about the order of events.",
    "It helps to write down what should happen, and only then to look at what does happen.",
    "Caches hide the cost for a while; they do not remove it.",
    "If you remember one thing about {topic}, let it be this: measure, change one thing, measure again.",
    "Nothing here needs a big machine: an old laptop is enough to try it.",
    "The naïve version is fine up to a few thousand entries, then `O(n²)` begins to show.",
    "People often confuse {topic} with its neighbour, which has the same name in older documents.",
    "On a cluster, the slowest node sets the pace of every token, whatever the others could do.",
    "That is also why a second attempt, without any change, sometimes appears to help.",
    "You can do without it, but you will miss it on the day something breaks.",
    "Be careful with defaults: they were chosen for somebody else's problem.",
    "The answer changes a little once several people ask at the same time.",
    "In practice, {topic} and good names solve half of it; the other half is patience.",
)
HEADINGS: Final = (
    "What matters",
    "How it works",
    "A small example",
    "What can go wrong",
    "Numbers to expect",
    "Next steps",
    "Background",
)
ITEMS: Final = (
    "**Memory**: the weights have to fit, and so does the cache of every open request",
    "**Latency**: each hop between two nodes adds a few milliseconds per token",
    "*Order*: answers may finish in another order than the questions came",
    "`timeout=100` is a sensible value, anything below 96 is not",
    "Failures should be loud, and *early*",
    "One source of truth, and only one",
    "Logs with the request's id, so that {topic} can be followed from end to end",
    "Backups that have been restored at least once",
    "A limit that is written down somewhere",
    "Less state than you think you need",
)
STEPS: Final = (
    "Write down what you expect of {topic}.",
    "Run the smallest case that could fail.",
    "Compare the numbers with those of last week.",
    "Change *one* thing.",
    "Run it again, three times, and keep the median.",
    "Open a second terminal and watch the queue.",
    "Undo the change if it did not help.",
    "Tell the others what you found.",
)
CODE: Final = (
    (
        "python",
        "from collections import deque\n\n\ndef drain(queue: deque[str]) -> list[str]:\n"
        '    """Take everything, oldest first."""\n    taken = []\n    while queue:\n'
        "        taken.append(queue.popleft())\n    return taken\n",
    ),
    (
        "javascript",
        "const response = await fetch(url, { signal });\nfor await (const chunk of response.body) {\n"
        "  process.stdout.write(decoder.decode(chunk, { stream: true }));\n}\n",
    ),
    (
        "rust",
        'fn main() {\n    let words = ["fair", "queue"];\n    for (i, word) in words.iter().enumerate() {\n'
        '        println!("{i}: {word}");\n    }\n}\n',
    ),
    (
        "sql",
        "SELECT channel_id, count(*) AS turns\nFROM turns\nWHERE created_at > now() - interval '1 day'\n"
        "GROUP BY channel_id\nORDER BY turns DESC\nLIMIT 10;\n",
    ),
    (
        "bash",
        'for node in studio attic; do\n  ssh "$node" uptime | sed "s/^/$node: /"\ndone\n',
    ),
    (
        "json",
        '{\n  "model": "Qwen/Qwen3-8B",\n  "stream": true,\n  "messages": [\n'
        '    {"role": "user", "content": "héllo 👋"}\n  ]\n}\n',
    ),
    (
        "go",
        'func main() {\n\tfor token := range tokens {\n\t\tfmt.Print(token)\n\t}\n\tfmt.Println("done")\n}\n',
    ),
    ("diff", "- timeout = 10\n+ timeout = 100\n  retries = 0\n"),
)
TABLES: Final = (
    (
        ("Node", "Memory", "Tokens/s"),
        (("studio", "192 GB", "41.5"), ("workstation", "24 GB", "38.0"), ("attic", "24 GB", "29.7")),
    ),
    (
        ("Approach", "Good", "Bad"),
        (
            ("one big model", "simple", "slow to load"),
            ("many small ones", "fast", "hard to compare"),
            ("both", "flexible", "more to maintain"),
        ),
    ),
    (
        ("Step", "Before", "After", "Δ"),
        (
            ("parse", "12 ms", "9 ms", "−25 %"),
            ("route", "50 ms", "50 ms", "0"),
            ("render", "7 ms", "3 ms", "−57 %"),
        ),
    ),
)
QUOTES: Final = (
    "Simplicity is a great virtue but it requires hard work to achieve it.\n— Edsger W. Dijkstra",
    "Measure twice, cut once.",
    "It is a capital mistake to theorize before one has data.",
)
LINKS: Final = (
    "See [the documentation](https://docs.python.org/3/library/asyncio-queue.html) for the details.",
    "More on this: <https://www.rfc-editor.org/rfc/rfc9110>.",
    "There is a [short introduction](https://html.spec.whatwg.org/multipage/server-sent-events.html) to it.",
)
FORMULAS: Final = (
    "Inline it reads $L = \\lambda W$, Little's law, and it holds for every queue.",
    "$$\nT_{\\text{answer}} = T_{\\text{wait}} + \\frac{n_{\\text{tokens}}}{r}\n$$",
    "The mean is $\\bar{x} = \\frac{1}{n}\\sum_{i=1}^{n} x_i$, which outliers pull away quickly.",
)
EMOJI: Final = (
    "That's it 🚀",
    "Try it and see 👩‍💻 — it is safe ✅",
    "One warning ⚠️: do not do this on a Friday 🙈",
)
CJK: Final = (
    "In Chinese it is called 分布式推理, and the idea is the same: 模型在每个节点上只保存一部分层。",
    "日本語では「分散推論」と言います。考え方は同じです。",
    "한국어로는 '분산 추론'이라고 합니다.",
)
CLOSINGS: Final = (
    "If you tell me more about your setup, I can be more precise about {topic}.",
    "Start there; the rest of {topic} follows from it.",
    "And when in doubt, keep it simple.",
)
THOUGHTS: Final = (
    "I should think about this first.",
    "The question is about {topic}, so what would a good answer need?",
    "First the plain facts, then an example.",
    "Wait, there is another reading of the question: perhaps a comparison is meant.",
    "No, the simple reading fits better.",
    "A table may help, but only a small one.",
    "I will keep it short and end with what to do next.",
)
