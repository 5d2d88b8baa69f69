"""Measures with PyTorch as './vicmae jmh' does, and keeps the rows in a file that './vicmae results' reads."""
import datetime
import gc
import json
import os
import platform
import statistics
import sys
import time

import torch

if hasattr(torch, "compile"):
    import torch._dynamo

ITERATIONS = 5
MOST_CALLS = 1000


def forms(function):
    """Eager and compiled, where this PyTorch compiles."""
    yield "torch", function
    if hasattr(torch, "compile"):
        # Without this, other shapes would be compiled as dynamic ones, and after eight compilations not at all.
        torch._dynamo.reset()
        yield "torch.compile", torch.compile(function)


class Bench:
    """Rows of a device: each is measured, and written to the file before the next begins."""

    def __init__(self, device, brief, results, forward=True):
        self.device = torch.device(device)
        self.cuda = self.device.type == "cuda"
        self.brief = brief
        self.results = results
        self.forward = forward
        self.limits = {}

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()

    def tensor(self, *shape, dtype=torch.float32, gradient=False):
        return torch.randn(*shape, device=self.device).to(dtype).requires_grad_(gradient)

    def iteration(self, work):
        """Means of the latency and of the part until the call returns, and the device's time of one call."""
        length = 0.01 if self.brief else 0.2
        calls, submit = 0, 0.0
        begin = now = time.perf_counter()
        while calls == 0 or now - begin < length:
            start = time.perf_counter()
            work()
            submit += time.perf_counter() - start
            self.wait()
            calls += 1
            now = time.perf_counter()
        latency = (now - begin) / calls
        return latency, submit / calls, self.burst(work, latency)

    def burst(self, work, latency):
        """Of one call among many, one behind the other, between two events; the CPU has no clock of its own."""
        if not self.cuda:
            return None
        calls = max(3, min(MOST_CALLS, int((0.01 if self.brief else 0.05) / latency)))
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / calls

    def measure(self, work):
        """The figures of a row: means over the iterations, and the standard deviation of the latency over them."""
        if self.cuda:
            gc.collect()
            torch.cuda.empty_cache()
        for _ in range(1 if self.brief else 3):
            work()
        self.wait()
        self.iteration(work)
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        latency, submit, device = zip(*(self.iteration(work) for _ in range(ITERATIONS)))
        figures = dict(latency=statistics.mean(latency), error=statistics.stdev(latency), submit=statistics.mean(submit))
        if self.cuda:
            # Read before anything else is done: the limits take memory of their own.
            figures.update(deviceTime=statistics.mean(device), memory=float(torch.cuda.max_memory_allocated()))
        return figures

    def seconds(self, work):
        """The median time of one call, by a card's clock where there is one."""
        self.iteration(work)
        measured = [self.iteration(work) for _ in range(ITERATIONS)]
        return statistics.median(device or latency for latency, _, device in measured)

    def copy_rate(self, size):
        """Bytes a second, read and written, of a copy of so many bytes."""
        count = max(64 << 10, min(1 << 30, int(size))) // 8
        if count not in self.limits:
            source, target = self.tensor(count), self.tensor(count)
            self.limits[count] = 8 * count / self.seconds(lambda: target.copy_(source))
        return self.limits[count]

    def product_rate(self, dtype):
        side = 256 if self.brief else 8192 if self.cuda else 1536
        if dtype not in self.limits:
            a, b = self.tensor(side, side, dtype=dtype), self.tensor(side, side, dtype=dtype)
            self.limits[dtype] = 2 * side**3 / self.seconds(lambda: a @ b.t())
        return self.limits[dtype]

    def row(self, benchmark, who, dtype, shape, work, cost=(0, 0), part=None):
        """Measures, or notes why not. The cost is bytes and operations, unless the file has the library's row of the same work, which says."""
        row = self.head(benchmark, who, dtype, shape, part)
        try:
            row.update(self.measure(work))
            size, flops = self.results.cost(row) or cost
            row.update(bytes=float(size), flops=float(flops))
            if size:
                row.update(copyRate=self.copy_rate(size))
            if flops:
                row.update(productRate=self.product_rate(dtype))
        except Exception as error:  # a peer that fails is a row with a reason
            if "latency" in row:
                print(f"  The limits of the machine are lacking for the next row: {reason(error)}", flush=True)
            else:
                row.update(missing=reason(error))
        self.add(row)

    def failed(self, benchmark, dtype, shape, error):
        """Notes that a benchmark could not be begun."""
        self.add(dict(self.head(benchmark, "torch", dtype, shape), missing=reason(error)))

    def head(self, benchmark, who, dtype, shape, part=None):
        precision = "bf16" if dtype == torch.bfloat16 else "fp32"
        row = dict(benchmark=benchmark, implementation=who, device=self.results.device, precision=precision, shape=shape)
        if part:
            row["pass"] = part
        return row

    def add(self, row):
        words = (row.get(name) for name in ("benchmark", "shape", "precision", "pass", "implementation"))
        figure = f"{1e3 * row['latency']:.4f} ms" if "latency" in row else row["missing"]
        print(f"  {' '.join(word for word in words if word)}: {figure}", flush=True)
        self.results.add(row)

    def passes(self, benchmark, function, inputs, dtype, shape, forward, backward=None, gradient=None, part="forward"):
        """A row of the forward pass for each form, and, with the cost of a backward pass, one of both. A loss needs no gradient of its result."""
        for who, form in forms(function):
            def alone():
                with torch.no_grad():
                    form(*inputs)

            def both():
                for tensor in inputs:
                    tensor.grad = None
                form(*inputs).backward(gradient)

            if self.forward:
                self.row(benchmark, who, dtype, shape, alone, forward, part)
            if backward:
                self.row(benchmark, who, dtype, shape, both, tuple(map(sum, zip(forward, backward))), "both")


def reason(error):
    """An error in one line; what comes from a compiler has its cause in the second."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


class Results:
    """The file of the rows: a new one, or one of jmh's, beside whose rows they then stand."""

    def __init__(self, path, into, device, command):
        self.path = path
        self.device = "cuda:0" if device == "cuda" else device
        if into:
            self.content = self.read()
            self.content.setdefault("machine", {})["pytorch"] = f"{torch.__version__}, CUDA {torch.version.cuda}"
            before = self.content.get("command") or ""
            if command not in before:
                self.content["command"] = f"{before} && {command}" if before else command
        else:
            self.content = dict(schema=1, title=f"PyTorch {torch.__version__} on {device}", command=command,
                                date=datetime.date.today().isoformat(), machine=machine(device), rows=[])
        self.write()  # what cannot be written shows before anything is measured

    def read(self):
        try:
            with open(self.path) as file:
                content = json.load(file)
        except (OSError, ValueError) as error:
            sys.exit(f"{self.path} cannot be read as a file of results: {error}")
        if not isinstance(content, dict) or content.get("schema") != 1 or not content.get("rows"):
            sys.exit(f"{self.path} holds no rows of './vicmae jmh --out' in form 1; without --into a new file is made")
        devices = sorted({str(named(row)) for row in content["rows"]})
        if self.device not in devices:
            sys.exit(f"{self.path} holds rows of {', '.join(devices)}, and this would add {self.device}: choose another file, or --device")
        return content

    def cost(self, row):
        """What the library's row of the same work says must be moved and done, or None."""
        for other in self.content["rows"]:
            if other.get("implementation") == "vicmae" and "bytes" in other and work(other) == work(row):
                return other["bytes"], other.get("flops", 0)
        return None

    def add(self, row):
        """A row measured anew takes the old one's place."""
        def key(r):
            return work(r), r.get("implementation")

        self.content["rows"] = [r for r in self.content["rows"] if key(r) != key(row)] + [row]
        self.write()

    def write(self):
        partial = f"{self.path}.{os.getpid()}"
        try:
            with open(partial, "w") as file:
                json.dump(self.content, file, indent=2)
                file.write("\n")
            os.replace(partial, self.path)
        except OSError as error:
            sys.exit(f"{self.path} cannot be written: {error.strerror}")
        finally:
            if os.path.exists(partial):
                os.remove(partial)


def named(row):
    """A row's device, under the name that says which card."""
    return {"cuda": "cuda:0"}.get(row.get("device"), row.get("device"))


def work(row):
    """What a row is of, whoever did it."""
    return named(row), *(row.get(part) for part in ("benchmark", "precision", "shape", "pass"))


def machine(device):
    described = {"os": platform.platform(), "python": platform.python_version(), "torch": torch.__version__}
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        described.update(card=properties.name, memory=f"{properties.total_memory >> 20} MiB", cuda=torch.version.cuda,
                         capability=f"{properties.major}.{properties.minor}", multiprocessors=properties.multi_processor_count)
    else:
        described["threads"] = torch.get_num_threads()
    return described
