package io.github.vicmae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.vicmae.kernel.Philox;
import org.junit.jupiter.api.Test;

class PhiloxTest {
    /** The known answers that Random123 publishes for philox4x32, 10 rounds. */
    @Test
    void matchesThePublishedVectors() {
        int[] out = new int[4];
        Philox.block(0L, 0, 0, 0, 0, out);
        assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, out);
        Philox.block(-1L, -1, -1, -1, -1, out);
        assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, out);
    }
}
