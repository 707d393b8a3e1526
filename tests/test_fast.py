"""The fast attention of both wings equals the plain one, and never holds a T × T array. No times are asserted."""

import collections
import json
import math
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import headstart.in_numpy.fast as numpy_fast
import headstart.in_torch.fast as torch_fast
from headstart import tiles
from headstart.bench import table
from headstart.bench.__main__ import PARTS
from headstart.bench.judge import SIXTY
from headstart.bench.race import race
from headstart.in_numpy.attention import scaled_dot_product_attention
from headstart.in_numpy.backward import attention_backward
from headstart.in_numpy.fast import fast_attention
from headstart.in_numpy.fast_backward import fast_attention_backward
from headstart.in_torch.attention import attention_weights
from headstart.in_torch.fast_layer import FastMultiHeadAttention, fused_attention
from headstart.in_torch.multi_head import MultiHeadAttention
from headstart.in_torch.triton_attention import triton_attention, why_not
from headstart.judge import course

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
KINDS = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
LENGTHS = st.one_of(st.integers(1, 9), st.sampled_from([255, 256, 257, 511, 512, 513, 800]))
LEADING = st.sampled_from(
    [((), (), ()), ((3,), (3,), (3,)), ((2, 3), (2, 3), (2, 3)), ((2, 3), (2, 1), (3,)), ((1,), (), (5,))]
)


@st.composite
def problems(draw, kinds=("float16", "float32", "float64"), same=False):
    """q, k, v that hold what the type can hold, a mask, causal or not, and how far rounding may take an answer."""
    seed, T_q, T_k = draw(st.integers(0, 2**32 - 1)), draw(LENGTHS), draw(LENGTHS)
    leads = [()] * 3 if same else draw(LEADING)
    kind, size = draw(st.sampled_from(kinds)), draw(st.sampled_from([0.0, 1.0, 30.0, 1000.0]))
    d_head, d_v = draw(st.sampled_from([(1, 1), (8, 8), (16, 5)]))
    rng = np.random.default_rng(seed)
    shapes = zip(leads, (T_q, T_k, T_k), (d_head, d_head, d_v), strict=True)
    q, k, v = (torch.from_numpy(rng.standard_normal((*lead, d, T))).mT for lead, T, d in shapes)  # not contiguous
    q, k, v = ((x * grow).to(KINDS[kind]) for x, grow in ((q, size), (k, 1.0), (v, 1.0)))
    mask = draw(st.sampled_from([None, (T_q, T_k), (1, T_k), (T_q, 1), (T_k,), "heads"]))
    if mask is not None:
        mask = (*np.broadcast_shapes(*leads), T_q, T_k) if mask == "heads" else mask
        mask = rng.random(mask) < draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    largest = float(q.double().norm(dim=-1).max() * k.double().norm(dim=-1).max()) / math.sqrt(d_head)
    work = torch.promote_types(KINDS[kind], torch.float32)  # a score is off by its size times the rounding of its type
    slack = 8 * torch.finfo(KINDS[kind]).eps + (20 + 4 * largest) * torch.finfo(work).eps
    return q, k, v, mask, draw(st.booleans()), slack


def exact(x):
    return x.double().numpy()


def more(slack, q):
    """How far a slope may be off: D is made from the output as its type rounds it, and meets q's numbers in dk."""
    return 20 * (slack + torch.finfo(q.dtype).eps * float(q.abs().max()))


def everything(mask, causal, T_q, T_k):
    """One mask that says what mask and causal say together."""
    both = np.tri(T_q, T_k, T_k - T_q, dtype=bool) if causal else np.ones((T_q, T_k), bool)
    return both if mask is None else both & mask


def close(ours, plain, slack):
    assert ours.shape == plain.shape
    assert np.abs(ours - plain).max(initial=0.0) <= slack * max(1.0, np.abs(plain).max(initial=0.0))


@settings(deadline=None, max_examples=150)
@given(problems())
def test_numpy_forward_equals_the_plain_one(problem):
    q, k, v, mask, causal, slack = problem
    arrays = [x.numpy() for x in (q, k, v)]
    out, lse = fast_attention(*arrays, mask, causal, return_lse=True)
    seen = everything(mask, causal, q.shape[-2], k.shape[-2])
    assert out.dtype == arrays[0].dtype
    close(out, scaled_dot_product_attention(*map(exact, (q, k, v)), seen), slack)
    with np.errstate(divide="ignore"):
        scores = np.where(seen, exact(q) @ exact(k).mT / math.sqrt(q.shape[-1]), -np.inf)
    expected = np.broadcast_to(np.logaddexp.reduce(scores, axis=-1), lse.shape)
    assert (np.isneginf(lse) == np.isneginf(expected)).all()
    live = np.isfinite(expected)
    close(lse[live], expected[live], slack)


@settings(deadline=None, max_examples=100)
@given(problems(same=True), st.sampled_from([(), (1,), (2, 3)]))
def test_numpy_backward_equals_the_plain_one(problem, lead):
    q, k, v, mask, causal, slack = problem
    slack = more(slack, q)
    q, k, v = (np.broadcast_to(x.numpy(), lead + x.shape) * np.ones((*lead, 1, 1), x.numpy().dtype) for x in (q, k, v))
    out, lse = fast_attention(q, k, v, mask, causal, return_lse=True)
    dout = np.random.default_rng(0).standard_normal(out.shape).astype(out.dtype)
    seen = everything(mask, causal, q.shape[-2], k.shape[-2])
    ours = fast_attention_backward(dout, q, k, v, out, lse, mask, causal)
    plain = attention_backward(*(x.astype(np.float64) for x in (dout, q, k, v)), seen)
    for dx, exact_dx, x in zip(ours, plain, (q, k, v), strict=True):
        assert dx.dtype == x.dtype
        close(dx, exact_dx, slack)


@settings(deadline=None, max_examples=150)
@given(problems(kinds=("float16", "bfloat16", "float32", "float64")))
def test_torch_equals_the_plain_one_forward_and_backward(problem):
    q, k, v, mask, causal, slack = problem
    seen = torch.from_numpy(everything(mask, causal, q.shape[-2], k.shape[-2]))
    mine, truth = ([x.detach().to(to).requires_grad_() for x in (q, k, v)] for to in (q.dtype, torch.float64))
    out = torch_fast.fast_attention(*mine, None if mask is None else torch.from_numpy(mask), causal)
    plain = attention_weights(*truth[:2], seen) @ truth[2]
    close(exact(out.detach()), exact(plain.detach()), slack)
    dout = torch.randn(out.shape, generator=torch.Generator().manual_seed(0)).to(q.dtype)
    ours, theirs = torch.autograd.grad(out, mine, dout), torch.autograd.grad(plain, truth, dout.double())
    for dx, exact_dx in zip(ours, theirs, strict=True):
        assert dx.dtype == q.dtype
        close(exact(dx), exact(exact_dx), more(slack, q))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 1200), st.integers(0, 1200), st.booleans())
def test_tiles_cover_what_may_be_seen_and_skip_what_may_not(T_q, T_k, causal):
    covered = np.zeros((T_q, T_k), int)
    for block in tiles.row_blocks(T_q):
        for rows, keys, diagonal in tiles.tiles(block, T_q, T_k, causal):
            tile = covered[block][rows, keys]
            assert tile.size, "an empty tile is lost work"
            assert tile.size <= tiles.TILE
            assert diagonal is None or 0 <= diagonal < tile.shape[1] - 1, "a tile that hides nothing needs no mask"
            tile += np.tri(*tile.shape, tile.shape[1] if diagonal is None else diagonal, dtype=int)
    assert (covered == everything(None, causal, T_q, T_k)).all()


def test_causal_work_is_half_the_work():
    def pairs(T, causal):
        grids = ((block, tiles.tiles(block, T, T, causal)) for block in tiles.row_blocks(T))
        return sum(len(range(*rows.indices(block.stop - block.start))) * (keys.stop - keys.start)
                   for block, grid in grids for rows, keys, _ in grid)  # fmt: skip

    assert pairs(8192, False) == 8192**2
    assert pairs(8192, True) == 8192**2 / 2 + 8192 * 256 / 2  # half the square, and a small triangle a tile


@pytest.mark.parametrize("leading", [(1,), (40,), (2, 3), (2, 1, 40)])
@pytest.mark.parametrize("T", [1, 64, 300, 4096])
def test_head_groups_cover_all_heads_and_share_one_tile(leading, T):
    covered = np.zeros(leading, int)
    for heads in tiles.head_groups(leading, T, T):
        covered[heads] += 1
        for block in tiles.row_blocks(T):
            for _, keys, _ in tiles.tiles(block, T, T, False):
                pairs = (block.stop - block.start) * (keys.stop - keys.start)
                assert covered[heads].size * pairs <= tiles.TILE
    assert (covered == 1).all()
    assert len(list(tiles.head_groups((40,), 64, 64))) == 2, "short sequences go many heads at a time"


@pytest.mark.parametrize("causal", [False, True])
def test_numpy_holds_no_square_array(causal):
    rng, T = np.random.default_rng(0), 8192
    q, k, v = (rng.standard_normal((1, T, 64), dtype=np.float32) for _ in range(3))
    tracemalloc.start()
    out, lse = fast_attention(q, k, v, causal=causal, return_lse=True)
    extra = tracemalloc.get_traced_memory()[1] - out.nbytes
    tracemalloc.reset_peak()
    fast_attention_backward(out, q, k, v, out, lse, causal=causal)
    backward = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert extra <= 2 * out.nbytes
    assert backward <= 12 * out.nbytes < T * T * 4 / 8


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operator made."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves(made) if isinstance(x, torch.Tensor)]
        self.numel = max([self.numel, *(x.untyped_storage().nbytes() // x.itemsize for x in tensors)])
        return made


def test_torch_holds_no_square_array():
    T = 2048
    q, k, v = (torch.randn(1, T, 64, requires_grad=True) for _ in range(3))
    with Largest() as plain, torch.no_grad():
        attention_weights(q, k)
    assert plain.numel >= T * T, "the gauge must see the plain function's weights"
    with Largest() as largest:
        torch_fast.fast_attention(q, k, v, causal=True).sum().backward()
    assert largest.numel <= 2 * tiles.TILE < T * T / 4


@pytest.mark.parametrize("fast", [numpy_fast, torch_fast])
def test_the_maximum_is_searched_only_where_scores_may_be_large(fast, monkeypatch):
    called = []
    lower = fast._lower
    monkeypatch.setattr(fast, "_lower", lambda *args: called.append(1) or lower(*args))
    q = torch.ones(1, 20, 64) if fast is torch_fast else np.ones((1, 20, 64), np.float32)
    fast.fast_attention(q, q, q)
    assert not called
    fast.fast_attention(q * 10, q, q)
    assert called
    called.clear()
    fast.fast_attention(q[:, :1], q, q)
    assert called, "one query is not worth a pass over all keys"


@pytest.mark.parametrize("side", [0.99, 1.01])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_scores_and_values_at_the_edge_of_the_bound_stay_finite(side, sign):
    edge = side * numpy_fast.SAFE / math.log2(math.e)
    q, k = np.full((20, 1), sign * edge, np.float32), np.ones((5000, 1), np.float32)
    v = np.full((5000, 2), 1e12, np.float32)
    assert np.allclose(fast_attention(q, k, v), 1e12, rtol=1e-4)
    assert np.allclose(torch_fast.fast_attention(*map(torch.from_numpy, (q, k, v))), 1e12, rtol=1e-4)


def test_forbidden_scores_never_leak_however_large():
    q, k, v = np.ones((20, 1), np.float32), np.float32([[0.0], [3e4], [1.0]]), np.float32([[1.0], [99.0], [2.0]])
    mask = np.array([[True, False, True], [False, False, False]] * 10)
    expected = scaled_dot_product_attention(q, k, v, mask)
    out, lse = fast_attention(q, k, v, mask, return_lse=True)
    assert np.allclose(out, expected)
    slopes = fast_attention_backward(np.ones_like(out), q, k, v, out, lse, mask)
    for ours, plain in zip(slopes, attention_backward(np.ones_like(out), q, k, v, mask), strict=True):
        assert np.allclose(ours, plain)


def test_no_keys_and_no_queries():
    q, nothing = np.ones((2, 4, 8), np.float32), np.ones((2, 0, 8), np.float32)
    assert (fast_attention(q, nothing, nothing) == 0).all()
    assert fast_attention(nothing, q, q, causal=True).shape == (2, 0, 8)
    assert (torch_fast.fast_attention(*map(torch.from_numpy, (q, nothing, nothing))) == 0).all()
    assert torch_fast.fast_attention(*map(torch.from_numpy, (nothing, q, q))).shape == (2, 0, 8)


def test_numpy_takes_threads_from_its_caller():
    rng = np.random.default_rng(0)
    q, k, v, dout = (rng.standard_normal((6, 300, 16)) for _ in range(4))
    out, lse = fast_attention(q, k, v, return_lse=True)
    with ThreadPoolExecutor(2) as pool:
        assert (np.stack(list(pool.map(fast_attention, q, k, v))) == out).all()
        slopes = list(pool.map(fast_attention_backward, dout, q, k, v, out, lse))
    for ours, alone in zip(zip(*slopes, strict=True), fast_attention_backward(dout, q, k, v, out, lse), strict=True):
        assert np.allclose(np.stack(ours), alone)


def test_a_second_derivative_is_refused():
    q = torch.randn(1, 3, 4, requires_grad=True)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.grad(torch_fast.fast_attention(q, q, q).sum(), q, create_graph=True)


@pytest.mark.parametrize("attend", [fused_attention, torch_fast.fast_attention])
@pytest.mark.parametrize("T_k", [7, 150])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["none", "shared", "each"])
def test_the_fast_layer_equals_the_plain_one(attend, T_k, causal, kind):
    torch.manual_seed(0)
    x, other = torch.randn(2, 140, 12), torch.randn(2, T_k, 12)
    mask = {"none": None, "shared": torch.rand(140, T_k) < 0.3, "each": torch.rand(2, 140, T_k) < 0.3}[kind]
    seen = torch.from_numpy(everything(None if mask is None else mask.numpy(), causal, 140, T_k))
    plain, fast = MultiHeadAttention(12, 3), FastMultiHeadAttention(12, 3, attend)
    fast.load_state_dict(plain.state_dict())
    expected = plain(x, other, seen)
    told, weights = fast(x, other, mask, causal, need_weights=True)
    for out in (fast(x, other, mask, causal), told):
        assert torch.allclose(out, expected, atol=1e-5)
        for ours, theirs in zip(*(torch.autograd.grad(y.square().sum(), layer.parameters(), retain_graph=True)
                                  for y, layer in ((out, fast), (expected, plain))), strict=True):  # fmt: skip
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-3)
    q, k = (y.reshape(2, -1, 3, 4).swapaxes(1, 2) for y in (plain.W_q(x), plain.W_k(other)))
    assert torch.allclose(
        weights, attention_weights(q, k, seen if seen.ndim == 2 else seen[:, None]).mean(1), atol=1e-6
    )


@pytest.mark.parametrize("attend", [fused_attention, torch_fast.fast_attention])
@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_the_fast_layer_takes_every_mask_in_every_type(attend, kind):
    torch.manual_seed(0)
    plain, fast = MultiHeadAttention(12, 3).to(kind), FastMultiHeadAttention(12, 3, attend).to(kind)
    fast.load_state_dict(plain.state_dict())
    x = 20 * torch.randn(2, 5, 12).to(kind)  # scores far below zero, too
    for shape in ((), (5,), (1, 5), (5, 1), (5, 5), (2, 1, 5), (2, 5, 5)):
        for mask in (torch.rand(shape) < 0.5, torch.zeros(shape, dtype=torch.bool)):
            told, weights = fast(x, mask=mask, need_weights=True)
            assert told.dtype == weights.dtype == kind
            for out in (fast(x, mask=mask), told):
                assert torch.allclose(out, plain(x, mask=mask), rtol=0.1, atol=400 * torch.finfo(kind).eps)
    assert fast(x[:, :0], x, need_weights=True)[1].shape == (2, 0, 5)


@pytest.mark.parametrize("attend", [fused_attention, torch_fast.fast_attention])
def test_the_fast_layer_refuses_in_its_own_name(attend):
    layer, x = FastMultiHeadAttention(12, 3, attend), torch.randn(2, 5, 12)
    with pytest.raises(TypeError, match=r"^FastMultiHeadAttention: mask must be boolean"):
        layer(x, mask=torch.zeros(5, 5))
    with pytest.raises(ValueError, match=r"^FastMultiHeadAttention: mask has shape .* but T_k is 5"):
        layer(x, x, torch.ones(5, 6, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^\w+_attention: mask has shape .* but T_k is 5"):
        layer(x, mask=torch.ones(5, 6, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^FastMultiHeadAttention: x_kv has shape .* leading axes"):
        layer(x, torch.randn(3, 7, 12))


def test_whole_numbers_are_averaged_as_the_plain_one_does_or_refused():
    q, k, v = (np.arange(n).reshape(1, -1, 4) % 5 for n in (8, 12, 12))
    out = fast_attention(q, k, v)
    assert out.dtype == np.float64
    assert np.allclose(out, scaled_dot_product_attention(q, k, v))
    with pytest.raises(TypeError, match=r"^fast_attention: q must be of a floating type, got torch\.int64$"):
        torch_fast.fast_attention(*map(torch.from_numpy, (q, k, v)))


def test_the_kernel_says_in_one_sentence_why_it_cannot_run():
    reason = why_not()
    if reason is None:
        pytest.skip("there is a CUDA device here")
    with pytest.raises(RuntimeError, match=r"^triton_attention: .*\.$"):
        triton_attention(*[torch.zeros(1, 1, 2, 64, dtype=torch.bfloat16)] * 3)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("d_head", [64, 128])
@pytest.mark.parametrize(("T_q", "T_k"), [(128, 128), (1, 300), (200, 77), (129, 257)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_the_kernel_equals_the_plain_one(d_head, T_q, T_k, causal, kind):
    """On a CUDA device; TRITON_INTERPRET=1 runs the float16 half of it anywhere that Triton is installed."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and kind == torch.bfloat16:
        pytest.skip("the interpreter's dot product takes bfloat16 for whole numbers")
    q, k, v = (torch.randn(2, T, 3, d_head, device=device).to(kind).transpose(1, 2) for T in (T_q, T_k, T_k))
    seen = torch.from_numpy(everything(None, causal, T_q, T_k)).to(device)
    plain = attention_weights(q.double(), k.double(), seen) @ v.double()
    assert (triton_attention(q, k, v, causal).double() - plain).abs().max() < 1e-2


ROW = {"what": "ours", "against": "theirs", "goal": 1.25, "ratio": 1.3, "low": 1.2, "high": 1.4}


def test_the_table_says_what_was_met_and_what_was_missed():
    line = table.line(ROW).replace(table.NO_BREAK, " ")
    assert line == "| ours | 1.30 | ≤ 1.25 | missed | 1.20 – 1.40 | theirs |"
    assert "| met |" in table.line(ROW | {"ratio": 1.25})
    assert "| 1.30 |  |  |" in table.line(ROW | {"goal": None})


def test_a_race_takes_the_fastest_rival_and_its_spread_in_turns():
    clock, order = iter(range(10**6)), []
    cost = {"ours": 3, "slow": 9, "fast": 2}
    runs = [lambda name=name: order.append(name) or [next(clock) for _ in range(cost[name] - 1)] for name in cost]
    raced = race(*runs, seconds=0.0, clock=lambda: next(clock))
    assert order == ["ours", "slow", "fast"] * 6, "one turn to warm up, five that count, one after the other"
    assert raced == {"ratio": 1.5, "low": 1.5, "high": 1.5, "ours": 3, "theirs": 2}


def test_the_course_of_sixty_is_one():
    names = [name for notebook in SIXTY for name in course.names_of(notebook.partition("_")[2])]
    assert collections.Counter(course.find(name)[1] for name in names) == {"in_numpy": 45, "in_torch": 15}


def test_the_bench_refuses_a_part_that_is_not_there():
    run = subprocess.run([sys.executable, "-m", "headstart.bench", "speed"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("no such part: speed; the parts are " + ", ".join(PARTS))


def test_the_page_shows_the_stored_run():
    book = Path(__file__).parents[1] / "book"
    text, run = (
        (book / "speed.md").read_text(encoding="utf-8"),
        json.loads((book / "speed.json").read_text(encoding="utf-8")),
    )
    assert table.START in text
    assert table.page(text, run) == text, "python -m headstart.bench.table writes the table"
