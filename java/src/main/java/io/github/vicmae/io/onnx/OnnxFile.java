package io.github.vicmae.io.onnx;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.github.vicmae.io.DType;
import io.github.vicmae.io.FileErrors;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The tensors of an encoder that {@link OnnxWriter} wrote, under their names. Nothing of the graph is looked at but its constants, so that models of other
 * programs, which name and fold them as they like, are refused.
 */
public final class OnnxFile implements TensorSource {
    private static final int MOST_DIMENSIONS = 64;
    private static final int MOST_TENSORS = 1 << 20;

    private final Path path;
    private final FileChannel channel;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Place> tensors = new LinkedHashMap<>();
    private String producer = "";
    /** The file of the tensors that lie beside the model; null as long as none is known. */
    private FileChannel data;

    /** A tensor and where its bytes begin, in the model or, if {@code outside}, in the file beside it. */
    private record Place(TensorInfo info, long start, boolean outside) {}

    private OnnxFile(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /**
     * Opens a model.
     *
     * @throws IOException if the file cannot be read, is damaged, or is a model of another program; the message names the file and the fault
     */
    public static OnnxFile open(Path path) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
        OnnxFile file = new OnnxFile(path, channel);
        try {
            file.read();
            return file;
        } catch (IOException | RuntimeException e) {
            file.close();
            throw new IOException(path + ": cannot be read as an ONNX model: " + e.getMessage(), e);
        }
    }

    private void read() throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(Channels.newInputStream(channel));
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case OnnxSchema.MODEL_PRODUCER_NAME -> producer = text(in);
                case OnnxSchema.MODEL_METADATA_PROPS -> {
                    String[] entry = entry(in);
                    metadata.put(entry[0], entry[1]);
                }
                case OnnxSchema.MODEL_GRAPH -> {
                    int limit = in.pushLimit(in.readRawVarint32());
                    readGraph(in);
                    in.popLimit(limit);
                }
                default -> in.skipField(tag);
            }
        }
        if (!producer.equals(OnnxWriter.PRODUCER)) {
            throw new IOException(
                    "it was written by '" + producer + "', and only what this program exported can be read"
                            + " again; take the checkpoint that it was made of");
        }
        if (tensors.isEmpty()) {
            throw new IOException("it has no tensors");
        }
    }

    private void readGraph(CodedInputStream in) throws IOException {
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (WireFormat.getTagFieldNumber(tag) != OnnxSchema.GRAPH_INITIALIZER) {
                in.skipField(tag);
                continue;
            }
            int limit = in.pushLimit(in.readRawVarint32());
            readTensor(in);
            in.popLimit(limit);
        }
    }

    private void readTensor(CodedInputStream in) throws IOException {
        List<Long> dims = new ArrayList<>();
        Map<String, String> external = new LinkedHashMap<>();
        String name = "";
        DType type = null;
        long start = -1;
        long size = 0;
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case OnnxSchema.TENSOR_DIMS -> dims.add(in.readInt64());
                case OnnxSchema.TENSOR_DATA_TYPE -> type = OnnxSchema.type(in.readInt32());
                case OnnxSchema.TENSOR_NAME -> name = text(in);
                case OnnxSchema.TENSOR_RAW_DATA -> {
                    size = in.readRawVarint32();
                    start = in.getTotalBytesRead();
                    in.skipRawBytes((int) size);
                }
                case OnnxSchema.TENSOR_EXTERNAL_DATA -> {
                    String[] entry = entry(in);
                    external.put(entry[0], entry[1]);
                }
                default -> in.skipField(tag);
            }
            if (dims.size() > MOST_DIMENSIONS || tensors.size() > MOST_TENSORS) {
                throw new IOException("a tensor has more than " + MOST_DIMENSIONS
                        + " dimensions, or there are more than " + MOST_TENSORS + " tensors");
            }
        }
        if (name.startsWith(OnnxGraph.CONSTANT)) {
            return;
        }
        if (!external.isEmpty()) {
            openData(external.get("location"));
            start = number(external, "offset");
            size = number(external, "length");
        }
        long[] shape = dims.stream().mapToLong(Long::longValue).toArray();
        if (type == null || start < 0 || TensorInfo.sizeInBytes(shape, type) != size) {
            throw new IOException("the tensor " + name + " has another size than its shape, or no data");
        }
        if (!external.isEmpty() && start > data.size() - size) {
            throw new IOException("the tensor " + name + " reaches beyond the file of the tensors, which has "
                    + data.size() + " bytes");
        }
        if (tensors.put(name, new Place(new TensorInfo(name, type, shape, start, size), start, !external.isEmpty()))
                != null) {
            throw new IOException("there are two tensors named " + name);
        }
    }

    /** The one file that the writer puts beside the model: no path leads elsewhere. */
    private void openData(String location) throws IOException {
        if (location == null || !location.endsWith(OnnxWriter.DATA_SUFFIX)) {
            throw new IOException("its tensors lie in " + location + ", which is no file of this program");
        }
        if (data == null) {
            Path file = path.resolveSibling(Path.of(location).getFileName());
            try {
                data = FileChannel.open(file, StandardOpenOption.READ);
            } catch (IOException e) {
                throw FileErrors.cannot("read", file, e);
            }
        }
    }

    private static long number(Map<String, String> external, String key) throws IOException {
        try {
            return Long.parseLong(external.getOrDefault(key, ""));
        } catch (NumberFormatException e) {
            throw new IOException("the " + key + " of a tensor beside the model is no number", e);
        }
    }

    private String text(CodedInputStream in) throws IOException {
        int length = in.readRawVarint32();
        if (length < 0 || length > channel.size()) {
            throw new IOException("a text of " + length + " bytes");
        }
        return new String(in.readRawBytes(length), StandardCharsets.UTF_8);
    }

    private String[] entry(CodedInputStream in) throws IOException {
        String[] entry = {"", ""};
        int limit = in.pushLimit(in.readRawVarint32());
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (WireFormat.getTagFieldNumber(tag)) {
                case OnnxSchema.ENTRY_KEY -> entry[0] = text(in);
                case OnnxSchema.ENTRY_VALUE -> entry[1] = text(in);
                default -> in.skipField(tag);
            }
        }
        in.popLimit(limit);
        return entry;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public List<String> names() {
        return List.copyOf(tensors.keySet());
    }

    @Override
    public boolean contains(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        return place(name).info;
    }

    private Place place(String name) throws IOException {
        Place place = tensors.get(name);
        if (place == null) {
            throw new IOException(path + ": there is no tensor " + name + " among its " + tensors.size() + " tensors.");
        }
        return place;
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        Place place = place(name);
        Objects.checkFromIndexSize(offset, into.remaining(), place.info.bytes());
        long position = place.start + offset;
        while (into.hasRemaining()) {
            int count = (place.outside ? data : channel).read(into, position);
            if (count < 0) {
                throw new EOFException(path + ": the file ends at byte " + position);
            }
            position += count;
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
        if (data != null) {
            data.close();
        }
    }
}
