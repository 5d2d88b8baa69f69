package io.github.vicmae.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.ZipEntry;

/**
 * A tensor as PyTorch stores it: element (i, j, ...) is the storage's element offset + i * stride[0] + j * stride[1] +
 * ...
 *
 * @param info the tensor, with the offset of its first element in bytes
 * @param stride the distance between neighbours along each dimension, in elements
 * @param contiguous whether the elements lie in row-major order without gaps
 * @param span the bytes from the first element in the storage to the end of the last one
 * @param storage the archive's entry with the storage
 */
record StridedView(TensorInfo info, long[] stride, boolean contiguous, long span, ZipEntry storage) {
    /** Bounds the memory that a small file can ask for by repeating its elements; far above the weights of the largest published encoders. */
    private static final long MOST_EXPANDED_BYTES = 1L << 28;

    /** Reads bytes of the storage, from a position on, until a buffer is full. */
    @FunctionalInterface
    interface StorageReader {
        void read(long position, ByteBuffer into) throws IOException;
    }

    /**
     * Checks a view against its storage.
     *
     * @param offset the first element's place, in elements
     * @param storageBytes the storage's size
     * @throws IOException if the view is malformed, reaches beyond the storage, or repeats elements (a stride of 0, as
     *     {@code expand} makes) until it is larger than both the storage and 256 MiB
     */
    static StridedView of(
            String name, DType dtype, long[] size, long[] stride, long offset, ZipEntry storage, long storageBytes)
            throws IOException {
        long bytes = TensorInfo.sizeInBytes(size, dtype);
        if (size.length != stride.length || bytes < 0 || offset < 0) {
            throw new IOException("its tensor has a malformed shape");
        }
        long capacity = storageBytes / dtype.bytes();
        if (offset > capacity) {
            throw new IOException("its tensor begins beyond its storage of " + storageBytes + " bytes");
        }
        long last = offset;
        boolean contiguous = true;
        long dense = 1;
        for (int i = size.length - 1; i >= 0 && bytes > 0; i--) {
            if (stride[i] < 0 || size[i] > 1 && stride[i] > capacity) {
                throw new IOException("its tensor has a malformed stride");
            }
            contiguous &= size[i] == 1 || stride[i] == dense;
            dense *= size[i];
            last = Math.min(last + saturatedProduct(size[i] - 1, stride[i], capacity), capacity);
        }
        if (bytes > 0 && last >= capacity) {
            throw new IOException("its tensor reaches beyond its storage of " + storageBytes + " bytes");
        }
        if (bytes > Math.max(storageBytes, MOST_EXPANDED_BYTES)) {
            throw new IOException("its tensor repeats a storage of " + storageBytes + " bytes up to " + bytes
                    + " bytes, and more than " + MOST_EXPANDED_BYTES
                    + " are not expanded; make it contiguous in PyTorch");
        }
        long span = bytes == 0 ? 0 : (last - offset + 1) * dtype.bytes();
        long start = bytes == 0 ? 0 : offset * dtype.bytes();
        return new StridedView(
                new TensorInfo(name, dtype, size, start, bytes), stride.clone(), contiguous, span, storage);
    }

    /** Returns the product or, if that is larger, the limit plus one: nothing overflows, and it is refused anyway. */
    private static long saturatedProduct(long a, long b, long limit) {
        return a != 0 && b > limit / a ? limit + 1 : a * b;
    }

    /** Reads the row-major bytes from {@code offset} on, until the buffer is full. */
    void read(long offset, ByteBuffer into, StorageReader reader) throws IOException {
        if (contiguous) {
            reader.read(info.offset() + offset, into);
            return;
        }
        int element = info.dtype().bytes();
        if (offset % element != 0 || into.remaining() % element != 0) {
            throw new IOException("a part of a strided view has to begin and end between elements");
        }
        if (span > Integer.MAX_VALUE - 8) {
            throw new IOException("a strided view of " + span + " bytes is too large; make it contiguous in PyTorch");
        }
        ByteBuffer source = ByteBuffer.allocate((int) span);
        reader.read(info.offset(), source);
        long[] size = info.shape();
        for (long index = offset / element; into.hasRemaining(); index++) {
            long at = 0;
            long rest = index;
            for (int i = size.length - 1; i >= 0; i--) {
                at += rest % size[i] * stride[i];
                rest /= size[i];
            }
            into.put(source.array(), (int) at * element, element);
        }
    }
}
