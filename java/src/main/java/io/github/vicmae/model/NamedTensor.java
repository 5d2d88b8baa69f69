package io.github.vicmae.model;

import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import io.github.vicmae.io.TensorWriter;

/**
 * A tensor as it is to be written: a part of one of a source, under another name.
 *
 * @param name in the new file
 * @param dtype of the source's
 * @param shape in the new file
 * @param source the source's name of the tensor that it is in
 * @param offset its first byte in that
 */
public record NamedTensor(String name, DType dtype, long[] shape, String source, long offset) {
    /** The whole tensor under another name. */
    static NamedTensor whole(String name, TensorInfo info) {
        return new NamedTensor(name, info.dtype(), info.shape(), info.name(), 0);
    }

    /** Adds it to what is written; the source has to stay open until then. */
    public void add(TensorWriter writer, TensorSource from) {
        writer.add(name, dtype, shape, (at, chunk) -> from.read(source, offset + at, chunk));
    }
}
