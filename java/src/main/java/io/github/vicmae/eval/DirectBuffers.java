package io.github.vicmae.eval;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** Memory outside of the Java heap, as devices copy from and to. */
final class DirectBuffers {
    private DirectBuffers() {}

    /** Room for so many floats, in the machine's byte order. */
    static FloatBuffer floats(int count) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(count, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
