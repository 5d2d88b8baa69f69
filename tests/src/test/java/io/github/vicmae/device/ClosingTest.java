package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClosingTest {
    private final List<String> closed = new ArrayList<>();

    private AutoCloseable closes(String name) {
        return () -> closed.add(name);
    }

    private AutoCloseable fails(String name, Exception e) {
        return () -> {
            closed.add(name);
            throw e;
        };
    }

    @Test
    void allAreClosedInOrderAndTheFirstFailureIsTold() {
        IllegalStateException first = new IllegalStateException("first");
        DeviceException second = new DeviceException("second");
        Exception told = assertThrows(
                IllegalStateException.class,
                () -> Closing.all(closes("a"), null, fails("b", first), fails("c", second), closes("d")));
        assertSame(first, told);
        assertArrayEquals(new Throwable[] {second}, told.getSuppressed());
        assertEquals(List.of("a", "b", "c", "d"), closed);
    }

    @Test
    void nothingIsToldWhereNothingFails() {
        Closing.all(closes("a"), null, closes("b"));
        assertEquals(List.of("a", "b"), closed);
    }

    @Test
    void aCheckedFailureKeepsItsCause() {
        IOException cause = new IOException("no");
        assertSame(
                cause,
                assertThrows(IllegalStateException.class, () -> Closing.all(fails("a", cause)))
                        .getCause());
    }

    @Test
    void whatFailsAfterAFailureIsSuppressedByIt() {
        DeviceException failure = new DeviceException("the failure");
        IOException later = new IOException("later");
        Closing.after(failure, fails("a", later), null, fails("b", failure), closes("c"));
        assertArrayEquals(new Throwable[] {later}, failure.getSuppressed());
        assertEquals(List.of("a", "b", "c"), closed);
    }
}
