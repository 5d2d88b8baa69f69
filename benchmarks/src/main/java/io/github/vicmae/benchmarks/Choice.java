package io.github.vicmae.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The part of a benchmark that is measured: for each parameter the values given with -p that the benchmark has, or all of them.
 *
 * @param entry the benchmark
 * @param shapes the given ones, or its own
 * @param precisions of its own
 * @param who of those that can do it
 * @param passes of its own; a null stands for the whole of a benchmark that has none
 */
record Choice(
        Suite.Entry entry,
        List<String> shapes,
        List<String> precisions,
        List<Implementation> who,
        List<String> passes) {
    /**
     * The benchmarks with something left to measure.
     *
     * @param skipped receives a sentence for each benchmark with nothing left
     * @throws IllegalArgumentException if none of them knows a value, a shape has other sizes than one of them wants, or nothing is left at all
     */
    static List<Choice> of(List<Suite.Entry> entries, Suite.Size size, JmhSettings jmh, List<String> skipped) {
        checkValues(entries, jmh);
        List<Choice> choices = new ArrayList<>();
        for (Suite.Entry entry : entries) {
            Choice choice = of(entry, size, jmh);
            if (choice.isEmpty()) {
                skipped.add(choice.refusal());
            } else {
                choice.shapes.forEach(entry::check);
                choices.add(choice);
            }
        }
        if (choices.isEmpty()) {
            throw new IllegalArgumentException("Nothing is left to be measured. " + String.join(" ", skipped));
        }
        return choices;
    }

    private static Choice of(Suite.Entry entry, Suite.Size size, JmhSettings jmh) {
        List<String> shapes = jmh.given("shape");
        return new Choice(
                entry,
                shapes == null ? entry.shapes(size) : shapes,
                kept(entry, jmh, "precision"),
                kept(entry, jmh, "implementation").stream()
                        .map(Implementation::of)
                        .toList(),
                entry.passes().isEmpty() && jmh.given("pass") == null
                        ? Collections.singletonList(null)
                        : kept(entry, jmh, "pass"));
    }

    private static List<String> kept(Suite.Entry entry, JmhSettings jmh, String parameter) {
        List<String> given = jmh.given(parameter);
        List<String> own = entry.values(parameter);
        return given == null ? own : own.stream().filter(given::contains).toList();
    }

    /** Or a misspelt value among others would go unnoticed. */
    private static void checkValues(List<Suite.Entry> entries, JmhSettings jmh) {
        if (jmh.given("data") != null && entries.stream().noneMatch(e -> e.type() == DataStages.class)) {
            throw new IllegalArgumentException("-p data=PATH is for DataStages, which is not among "
                    + String.join(", ", entries.stream().map(Suite.Entry::name).toList()));
        }
        for (String parameter : List.of("precision", "implementation", "pass")) {
            List<String> known = entries.stream()
                    .flatMap(e -> e.values(parameter).stream())
                    .distinct()
                    .toList();
            List<String> given = Objects.requireNonNullElse(jmh.given(parameter), List.of());
            for (String value : given) {
                if (!known.contains(value)) {
                    throw new IllegalArgumentException("There is no " + parameter + " '" + value + "' of "
                            + String.join(
                                    ", ",
                                    entries.stream().map(Suite.Entry::name).toList())
                            + ": "
                            + (known.isEmpty()
                                    ? "leave -p " + parameter + " out"
                                    : "use one of " + String.join(", ", known)));
                }
            }
        }
    }

    /** The passes that one of them can do alone. */
    List<String> passes(Implementation one) {
        return one != Implementation.DJL
                ? passes
                : passes.stream()
                        .filter(p -> p == null || !entry.notInTorch().contains(p))
                        .toList();
    }

    private boolean isEmpty() {
        return precisions.isEmpty() || who.stream().allMatch(w -> passes(w).isEmpty());
    }

    private String refusal() {
        String values = Stream.of("implementation", "precision", "pass")
                .filter(parameter -> !entry.values(parameter).isEmpty())
                .map(parameter -> parameter + " " + String.join(", ", entry.values(parameter)))
                .reduce((a, b) -> a + "; " + b)
                .orElseThrow();
        return entry.name() + " has none of these; it has " + values
                + (entry.notInTorch().isEmpty()
                        ? "."
                        : "; by djl not "
                                + String.join(
                                        ", ",
                                        entry.notInTorch().stream().sorted().toList()) + " alone.");
    }
}
