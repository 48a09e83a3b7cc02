"""Answers as they were received, decoded many messages at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import NO_TIME
from brokerbench.taxonomy import Taxonomy
from streamer.codec import Decoded, Ranges
from streamer.layouts import NAMES, Layout, codec_of, known_layouts
from streamer.packets import Packets

__all__ = ["Answers", "decode_answers", "modern_ids"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Answers:
    """n decoded answers; times i8[n] us UTC as the payload claims them (NO_TIME for none).

    sender i4[n] indexes senders (broker, version, classifier, params); answer i owns the pairs
    (class_id i4, probability f4) offsets[i]:offsets[i + 1]. rows i8[n]: which message of the batch;
    one message may hold the answers of several classifiers.
    """

    rows: Array
    alert_id: Array
    source_id: Array
    claimed_publish: Array
    claimed_ingest: Array
    sender: Array
    senders: list[tuple[str, str, str, str]]
    offsets: Array
    class_id: Array
    probability: Array


def decode_answers(packets: Packets, layout: str = "") -> tuple[Answers, list[tuple[int, str]], str]:
    """The answers in n messages, (row, reason) of those that are none, and the name of their layout.

    layout: the one that the topic has, "" to find out: the one that most of the messages decode in.
    """
    names = [layout] if layout else list(known_layouts())
    best: tuple[str, Decoded] | None = None
    for name in names:
        decoded = codec_of(name).decode(packets, known_layouts()[name].want())
        if best is None or len(decoded.rows) > len(best[1].rows):
            best = name, decoded
        if not decoded.wrong:
            break
    assert best is not None
    name, d = best
    answers = _answers(known_layouts()[name], d, packets)
    found = name if len(d.rows) else layout
    return (
        answers,
        [(row, f"expected a brokerClassification ({name}), got {why}") for row, why in d.wrong],
        found,
    )


def _answers(layout: Layout, d: Decoded, packets: Packets) -> Answers:
    n = len(d.rows)
    item = {k: p.replace("[].", "classifications[].") for k, p in layout.names.items() if p.startswith("[].")}
    top = {k: p for k, p in layout.names.items() if p and k not in item}
    counts = d["classifications#"]
    message = np.repeat(np.arange(n), counts)
    sender, texts = _senders(packets, [d[p] for p in top.values()], n)
    inner, inner_texts = _senders(packets, [d[p] for p in item.values()], len(message))
    class_id, probability = d["classifications[].classId"], d["classifications[].probability"]
    if isinstance(class_id, Ranges):
        group, named = _senders(packets, [class_id], len(message))
        class_id = np.array([_number(text) for (text,) in named] or [0], "i8")[group]
    of = np.arange(n)
    if item:  # a message of several classifiers becomes an answer of each
        key = message * max(1, len(inner_texts)) + inner
        order = np.argsort(key, kind="stable")
        class_id, probability = class_id[order], probability[order]
        found, first, counts = np.unique(key[order], return_index=True, return_counts=True)
        silent = np.setdiff1d(of, message)
        of = np.concatenate([message[order][first], silent])
        part = np.concatenate([found % max(1, len(inner_texts)), np.full(len(silent), len(inner_texts))])
        counts = np.concatenate([counts, np.zeros(len(silent), "i8")])
        pair, sender = sender[of] * (len(inner_texts) + 1) + part, part
        both, sender = np.unique(pair, return_inverse=True)
        nobody = ("",) * len(item)
        senders = [
            dict(
                zip(
                    (*top, *item),
                    (
                        *texts[b // (len(inner_texts) + 1)],
                        *(inner_texts + [nobody])[b % (len(inner_texts) + 1)],
                    ),
                    strict=True,
                )
            )
            for b in both.tolist()
        ]
    else:
        senders = [dict(zip(top, t, strict=True)) for t in texts]
    offsets = np.zeros(len(of) + 1, "i8")
    np.cumsum(counts, out=offsets[1:])
    none = np.full(n, NO_TIME)
    publish, ingest = none, none.copy()
    if layout.timed:
        publish, ingest = _micros(d["elasticcPublishTimestamp"]), _micros(d["brokerIngestTimestamp"])
        ingest[d["brokerIngestTimestamp?"] == 0] = NO_TIME
    return Answers(
        rows=d.rows[of],
        alert_id=d[layout.alert_id][of],
        source_id=d[layout.source_id][of],
        claimed_publish=publish[of],
        claimed_ingest=ingest[of],
        sender=sender.astype("i4"),
        senders=[tuple(s.get(k, "") for k in NAMES) for s in senders],
        offsets=offsets,
        class_id=np.clip(class_id, -(2**31), 2**31 - 1).astype("i4"),
        probability=probability,
    )


def _number(text: str) -> int:
    """A class id written as text; -1, which no taxonomy has, for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _senders(packets: Packets, names: list[Ranges], count: int) -> tuple[Array, list[tuple[str, ...]]]:
    """Which combination of texts each row has, i8[count], and the combinations."""
    if not names:
        return np.zeros(count, "i8"), [()]
    starts, sizes = np.stack([n.start for n in names], axis=1), np.stack([n.size for n in names], axis=1)
    group, first = np.empty(count, "i8"), np.empty(count, "i8")
    found = _group(packets.data, starts, sizes, group, first)
    texts = [Ranges(n.data, n.start[first[:found]], n.size[first[:found]]).texts() for n in names]
    return group, list(zip(*texts, strict=True))


@numba.njit(cache=True, nogil=True)
def _group(data: Any, starts: Any, sizes: Any, group: Any, first: Any) -> Any:
    """Number of different senders; group i8[n] of each row, first row of each group."""
    count, last = 0, 0
    for i in range(len(starts)):
        found = -1
        for k in range(count):
            g = (last + k) % count
            j = first[g]
            same = True
            for c in range(starts.shape[1]):
                if sizes[i, c] != sizes[j, c]:
                    same = False
            c = 0
            while same and c < starts.shape[1]:
                for b in range(sizes[i, c]):
                    if data[starts[i, c] + b] != data[starts[j, c] + b]:
                        same = False
                        break
                c += 1
            if same:
                found = g
                break
        if found < 0:
            found = count
            first[count] = i
            count += 1
        group[i] = last = found
    return count


_MOST = 1 << 60
_MICROS_FROM = 10**14
"""Larger times are us: 1973 in us, the year 5138 in ms. Senders use both under one name."""


def _micros(claimed: Array) -> Array:
    """us of times in ms or us; NO_TIME for what no clock can show."""
    sane = (claimed > -_MICROS_FROM) & (claimed < _MOST)
    return np.where(sane, np.where(claimed < _MICROS_FROM, claimed * 1000, claimed), NO_TIME)


def modern_ids(answers: Answers, layout: Layout, taxonomy: Taxonomy) -> tuple[Answers, Array]:
    """The answers with class ids of ELAsTiCC 1 mapped to ELAsTiCC2, and which answers those were.

    An answer is of ELAsTiCC 1 where it names a class that only the first taxonomy has, and none that only
    the second has; or where its layout was of that time. Ids without a counterpart become -1.
    """
    of = np.repeat(np.arange(len(answers.rows)), np.diff(answers.offsets))
    mapped = taxonomy.from_v1(answers.class_id)
    old = (mapped >= 0) & (answers.class_id != 0)
    new = taxonomy.is_known(answers.class_id) & (answers.class_id != 0)
    n = len(answers.rows)
    has_old = np.bincount(of[old & ~new], minlength=n) > 0
    has_new = np.bincount(of[new & ~old], minlength=n) > 0
    is_old = (has_old | layout.v1_ids) & ~has_new
    ids = np.where(is_old[of], mapped, answers.class_id).astype("i4")
    return replace(answers, class_id=ids), is_old
