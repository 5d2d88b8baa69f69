package io.github.vicmae.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class ArenaTest {
    private static final long GAP = 4096;

    /** A tensor that stays, and two that share a place. */
    private static Arena planned() {
        Arena arena = new Arena("a");
        arena.floats("kept", 100);
        Arena.Mark mark = arena.mark();
        arena.floats("first", 1000);
        arena.rewind(mark);
        arena.floats("second", 500);
        arena.floats("third", 1);
        return arena;
    }

    @Test
    void tensorsShareMemoryAfterARewind() {
        assertEquals(512 + 4096, planned().bytes());
        try (WatchedDevice device = new WatchedDevice();
                Arena arena = planned().allocate(device)) {
            assertEquals(512 + 4096, arena.bytes());
            assertEquals(512 + 4096, device.liveBytes());
            List<Tensor> t = arena.tensors();
            assertEquals(512, t.get(1).address() - t.get(0).address());
            assertEquals(t.get(1).address(), t.get(2).address());
            assertEquals(2048, t.get(3).address() - t.get(2).address());
        }
    }

    @Test
    void tensorsKeepApartWhereTheDeviceAsksForIt() {
        try (WatchedDevice device = new WatchedDevice(GAP);
                Arena arena = planned().allocate(device)) {
            List<Tensor> t = arena.tensors();
            assertEquals(512 + GAP, t.get(1).address() - t.get(0).address());
            assertEquals(t.get(1).address(), t.get(2).address());
            assertEquals(2048 + GAP, t.get(3).address() - t.get(2).address());
            // The end of "third" lies behind that of "first": two gaps count before it.
            assertEquals(512 + GAP + 2048 + GAP + 256, arena.bytes());
            assertEquals(arena.bytes(), device.liveBytes());
            assertEquals(
                    List.of("kept", "second", "third"),
                    List.copyOf(device.named().values()));
        }
    }

    @Test
    void anArenaIsAllocatedOnce() {
        try (WatchedDevice device = new WatchedDevice();
                Arena arena = planned().allocate(device)) {
            assertThrows(IllegalStateException.class, () -> arena.allocate(device));
            assertThrows(IllegalStateException.class, () -> arena.floats("late", 1));
            assertEquals(512 + 4096, device.liveBytes());
        }
    }

    @Test
    void anArenaThatFindsNoRoomLeavesNothing() {
        try (WatchedDevice device = new WatchedDevice().failTaking(1);
                Arena arena = planned()) {
            DeviceException e = assertThrows(DeviceException.class, () -> arena.allocate(device));
            assertEquals("There is no room for a", e.getMessage());
            assertEquals("", device.left());
        }
    }
}
