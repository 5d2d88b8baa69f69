package io.github.vicmae.io.onnx;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A small message in the wire format of Protocol Buffers, written field by field. */
final class Message {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final CodedOutputStream out = CodedOutputStream.newInstance(bytes, 256);

    private interface Field {
        void write(CodedOutputStream out) throws IOException;
    }

    private Message add(Field field) {
        try {
            field.write(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // an array of bytes throws none
        }
        return this;
    }

    Message text(int field, String value) {
        return add(o -> o.writeByteArray(field, value.getBytes(StandardCharsets.UTF_8)));
    }

    Message number(int field, long value) {
        return add(o -> o.writeInt64(field, value));
    }

    Message numbers(int field, long... values) {
        for (long value : values) {
            number(field, value);
        }
        return this;
    }

    Message real(int field, float value) {
        return add(o -> o.writeFloat(field, value));
    }

    Message message(int field, Message value) {
        return add(o -> o.writeByteArray(field, value.bytes()));
    }

    /** Adds all fields of another message. */
    Message fields(Message other) {
        return add(o -> o.writeRawBytes(other.bytes()));
    }

    byte[] bytes() {
        add(CodedOutputStream::flush);
        return bytes.toByteArray();
    }
}
