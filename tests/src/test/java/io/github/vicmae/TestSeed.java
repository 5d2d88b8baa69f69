package io.github.vicmae;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Seeds of random tests: another one each time, but the same in every run, so that no build fails by chance. {@code -Dvicmae.test.seed=N} repeats
 * one, and {@code ./vicmae test --seeds COUNT} looks for those that fail.
 */
public final class TestSeed {
    private static final Map<String, AtomicInteger> TAKEN = new ConcurrentHashMap<>();

    private TestSeed() {}

    /** The next seed of a test class, from 0 to 2^24 - 1. */
    public static long next() {
        String test = StackWalker.getInstance().walk(frames -> frames.map(StackWalker.StackFrame::getClassName)
                .filter(name -> name.endsWith("Test"))
                .findFirst()
                .orElse(""));
        int number = TAKEN.computeIfAbsent(test, t -> new AtomicInteger()).getAndIncrement();
        return Long.getLong("vicmae.test.seed", 31L * test.hashCode() + 7919L * number & 0xFFFFFF);
    }
}
