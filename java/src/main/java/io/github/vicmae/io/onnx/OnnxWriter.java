package io.github.vicmae.io.onnx;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.github.vicmae.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a graph as an ONNX file. The fields are written by {@link CodedOutputStream} of Google's Protocol Buffers under the numbers of {@link
 * OnnxSchema} instead of by classes that a compiler makes of onnx.proto: a model of one graph needs a tenth of the schema, tensors go from their
 * file to the new one in chunks instead of through objects, and the build needs no compiler of its own.
 *
 * <p>Protocol Buffers end at 2 GiB. The tensors of a larger model lie beside it, in {@code FILE.data}, which belongs to it from then on, as ONNX
 * provides for.
 */
public final class OnnxWriter {
    /** Appended to the model's name: the file of its tensors, where it has one. */
    public static final String DATA_SUFFIX = ".data";

    static final String PRODUCER = "vicmae";
    private static final long MOST_BYTES = Integer.MAX_VALUE;
    /** Tensors below this size stay in the model. */
    private static final long SMALL = 1024;
    /** Where tensors beside the model begin, so that they can be mapped into memory. */
    private static final long PAGE = 4096;

    private static final int CHUNK = 1 << 22;

    private final OnnxGraph graph;
    private final long mostBytes;

    public OnnxWriter(OnnxGraph graph) {
        this(graph, MOST_BYTES);
    }

    /** @param mostBytes of a file that holds its tensors itself */
    OnnxWriter(OnnxGraph graph, long mostBytes) {
        this.graph = graph;
        this.mostBytes = mostBytes;
    }

    /** A tensor's message: its fields but for the raw data, and the initializer whose data follow; null if they lie elsewhere. */
    private record Part(byte[] fields, OnnxGraph.Initializer data) {
        long size() {
            long raw = data == null ? 0 : lengthDelimited(OnnxSchema.TENSOR_RAW_DATA, data.bytes());
            return fields.length + raw;
        }
    }

    /**
     * Writes the model, replacing a file of that name when it is complete.
     *
     * @return the files that were written: the model, and that of its tensors if there is one
     * @throws IOException if a tensor cannot be read, or the disk fails; the model that was there before is then unchanged, and so are its tensors,
     *     but where the two are files of their own and the second could not be written
     */
    public List<Path> write(Path file) throws IOException {
        byte[] head = graph.model(PRODUCER).bytes();
        byte[] body = graph.graph().bytes();
        List<Part> parts = new ArrayList<>();
        for (OnnxGraph.Initializer tensor : graph.initializers()) {
            parts.add(new Part(fields(tensor).bytes(), tensor));
        }
        if (head.length + lengthDelimited(OnnxSchema.MODEL_GRAPH, size(body, parts)) <= mostBytes) {
            writeModel(file, head, body, parts);
            return List.of(file);
        }
        Path data = file.resolveSibling(file.getFileName() + DATA_SUFFIX);
        List<OnnxGraph.Initializer> outside = new ArrayList<>();
        List<Part> inside = new ArrayList<>();
        long offset = 0;
        for (OnnxGraph.Initializer tensor : graph.initializers()) {
            if (tensor.bytes() < SMALL) {
                inside.add(new Part(fields(tensor).bytes(), tensor));
                continue;
            }
            Message fields = fields(tensor).number(OnnxSchema.TENSOR_DATA_LOCATION, OnnxSchema.LOCATION_EXTERNAL);
            external(fields, "location", data.getFileName().toString());
            external(fields, "offset", Long.toString(offset));
            external(fields, "length", Long.toString(tensor.bytes()));
            inside.add(new Part(fields.bytes(), null));
            outside.add(tensor);
            offset += (tensor.bytes() + PAGE - 1) / PAGE * PAGE;
        }
        AtomicFile.write(data, out -> {
            ByteBuffer chunk = chunk();
            for (OnnxGraph.Initializer tensor : outside) {
                copy(tensor, chunk, bytes -> writeFully(out, bytes));
                int gap = (int) ((PAGE - tensor.bytes() % PAGE) % PAGE);
                writeFully(out, ByteBuffer.allocate(gap));
            }
        });
        writeModel(file, head, body, inside);
        return List.of(file, data);
    }

    private static Message fields(OnnxGraph.Initializer tensor) {
        return new Message()
                .numbers(OnnxSchema.TENSOR_DIMS, tensor.shape())
                .number(OnnxSchema.TENSOR_DATA_TYPE, OnnxSchema.number(tensor.dtype()))
                .text(OnnxSchema.TENSOR_NAME, tensor.name());
    }

    private static void external(Message fields, String key, String value) {
        fields.message(
                OnnxSchema.TENSOR_EXTERNAL_DATA,
                new Message().text(OnnxSchema.ENTRY_KEY, key).text(OnnxSchema.ENTRY_VALUE, value));
    }

    private static long lengthDelimited(int field, long size) {
        return CodedOutputStream.computeTagSize(field) + CodedOutputStream.computeUInt64SizeNoTag(size) + size;
    }

    private static long size(byte[] body, List<Part> parts) {
        long size = body.length;
        for (Part part : parts) {
            size += lengthDelimited(OnnxSchema.GRAPH_INITIALIZER, part.size());
        }
        return size;
    }

    private static void writeModel(Path file, byte[] head, byte[] body, List<Part> parts) throws IOException {
        AtomicFile.write(file, channel -> {
            CodedOutputStream out = CodedOutputStream.newInstance(Channels.newOutputStream(channel), 1 << 16);
            ByteBuffer chunk = chunk();
            out.writeRawBytes(head);
            begin(out, OnnxSchema.MODEL_GRAPH, size(body, parts));
            out.writeRawBytes(body);
            for (Part part : parts) {
                begin(out, OnnxSchema.GRAPH_INITIALIZER, part.size());
                out.writeRawBytes(part.fields);
                if (part.data != null) {
                    begin(out, OnnxSchema.TENSOR_RAW_DATA, part.data.bytes());
                    copy(part.data, chunk, bytes -> out.writeRawBytes(bytes.array(), 0, bytes.limit()));
                }
            }
            out.flush();
        });
    }

    private static void begin(CodedOutputStream out, int field, long size) throws IOException {
        out.writeTag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
        out.writeUInt64NoTag(size);
    }

    private static ByteBuffer chunk() {
        return ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    }

    private interface Target {
        void take(ByteBuffer bytes) throws IOException;
    }

    private static void copy(OnnxGraph.Initializer tensor, ByteBuffer chunk, Target target) throws IOException {
        for (long offset = 0; offset < tensor.bytes(); offset += chunk.limit()) {
            chunk.clear().limit((int) Math.min(CHUNK, tensor.bytes() - offset));
            tensor.content().read(offset, chunk);
            target.take(chunk.flip());
        }
    }

    private static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
