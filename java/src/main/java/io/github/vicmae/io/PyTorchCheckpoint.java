package io.github.vicmae.io;

import io.github.vicmae.io.Pickle.Call;
import io.github.vicmae.io.Pickle.Global;
import io.github.vicmae.io.Pickle.PersistentId;
import io.github.vicmae.io.Pickle.PyDict;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The state dict of a checkpoint that PyTorch 1.6 or newer wrote with {@code torch.save}: a zip archive of stored entries
 * with one pickle and one file for each storage. The state dict is the pickled dictionary's entry {@code model},
 * {@code state_dict} or another usual name (see {@link PickledState}) or, if it has none, the dictionary itself.
 * Optimizer state, settings and whatever else the pickle holds are passed over, and nothing in it is executed.
 */
public final class PyTorchCheckpoint implements TensorSource {
    private static final int MOST_PICKLE_BYTES = 1 << 26;
    private static final Map<String, DType> STORAGES = Map.of(
            "torch.FloatStorage", DType.F32,
            "torch.HalfStorage", DType.F16,
            "torch.BFloat16Storage", DType.BF16,
            "torch.DoubleStorage", DType.F64,
            "torch.LongStorage", DType.I64,
            "torch.IntStorage", DType.I32,
            "torch.ShortStorage", DType.I16,
            "torch.CharStorage", DType.I8,
            "torch.ByteStorage", DType.U8,
            "torch.BoolStorage", DType.BOOL);

    private static final int MOST_TEXT_BYTES = 1 << 26;
    private static final int MOST_TEXTS = 100;

    private final Path path;
    private final ZipFile zip;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, StridedView> tensors = new LinkedHashMap<>();
    private final Map<String, String> passedOver = new LinkedHashMap<>();
    private OptionalLong epoch = OptionalLong.empty();

    private PyTorchCheckpoint(Path path, ZipFile zip) {
        this.path = path;
        this.zip = zip;
    }

    /**
     * Opens a checkpoint and checks every tensor of its state dict against the archive.
     *
     * @throws IOException if the file cannot be read, is damaged, or has no state dict with tensors in it; the message
     *     names the file and the fault
     */
    public static PyTorchCheckpoint open(Path path) throws IOException {
        ZipFile zip;
        try {
            zip = new ZipFile(path.toFile());
        } catch (IOException | IllegalArgumentException e) {
            GitLfsPointer.refuse(path);
            throw new IOException(
                    path + ": not a PyTorch checkpoint: it cannot be read as a zip archive: " + e.getMessage() + ".",
                    e);
        }
        try {
            PyTorchCheckpoint checkpoint = new PyTorchCheckpoint(path, zip);
            checkpoint.readPickle(Files.size(path));
            return checkpoint;
        } catch (IOException | IllegalArgumentException e) {
            // The zip reader throws the latter for names that are not valid UTF-8.
            zip.close();
            throw new IOException(path + ": not a readable PyTorch checkpoint: " + e.getMessage() + ".", e);
        }
    }

    private void readPickle(long fileBytes) throws IOException {
        ZipEntry pickle = zip.stream()
                .filter(e -> e.getName().matches("[^/]+/data\\.pkl"))
                .findFirst()
                .orElseThrow(() -> new IOException("the archive has no entry NAME/data.pkl"));
        String root = pickle.getName().substring(0, pickle.getName().length() - "data.pkl".length());
        byte[] bytes = new byte[(int) checkStored(pickle, fileBytes, MOST_PICKLE_BYTES)];
        readEntry(pickle, 0, ByteBuffer.wrap(bytes));
        checkByteOrder(root, fileBytes);
        readTexts(root + PyTorchWriter.EXTRA, fileBytes);
        Object top = Pickle.read(bytes);
        if (top instanceof PyDict dict && dict.entries().get("epoch") instanceof Long number) {
            epoch = OptionalLong.of(number);
        }
        PickledState state = PickledState.of(top);
        passedOver.putAll(state.passedOver());
        for (Map.Entry<String, Call> entry : state.tensors().entrySet()) {
            String name = entry.getKey();
            try {
                String unsupported = unsupported(entry.getValue());
                if (unsupported == null) {
                    tensors.put(name, tensor(name, entry.getValue(), root, fileBytes));
                } else {
                    passedOver.put(name, unsupported);
                }
            } catch (IOException e) {
                throw new IOException("entry " + name + " of the state dict: " + e.getMessage(), e);
            }
        }
        if (tensors.isEmpty()) {
            throw PickledState.noTensors(passedOver);
        }
    }

    private void checkByteOrder(String root, long fileBytes) throws IOException {
        ZipEntry order = zip.getEntry(root + "byteorder");
        if (order != null) {
            byte[] text = new byte[(int) checkStored(order, fileBytes, 16)];
            readEntry(order, 0, ByteBuffer.wrap(text));
            if (!new String(text, StandardCharsets.US_ASCII).equals("little")) {
                throw new IOException("its numbers are big-endian");
            }
        }
    }

    private void readTexts(String folder, long fileBytes) throws IOException {
        List<? extends ZipEntry> texts = zip.stream()
                .filter(e -> e.getName().startsWith(folder))
                .limit(MOST_TEXTS)
                .toList();
        for (ZipEntry entry : texts) {
            byte[] text = new byte[(int) checkStored(entry, fileBytes, MOST_TEXT_BYTES)];
            readEntry(entry, 0, ByteBuffer.wrap(text));
            metadata.put(entry.getName().substring(folder.length()), new String(text, StandardCharsets.UTF_8));
        }
    }

    /**
     * The name of PyTorch's storage of an element type, as in {@code FloatStorage}.
     *
     * @throws IllegalArgumentException if it has none
     */
    static String storage(DType type) {
        return STORAGES.entrySet().stream()
                .filter(s -> s.getValue() == type)
                .map(s -> s.getKey().substring("torch.".length()))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "A PyTorch file has no numbers of the type " + type + "; write a .safetensors file"));
    }

    /** Why a tensor of a healthy file cannot be read here, in a few words; null if it can. */
    private static String unsupported(Call call) throws IOException {
        if (!call.callee.equals("torch._utils._rebuild_tensor_v2")) {
            return "made by " + call.callee + ", which is not supported and was not executed";
        }
        String type = Storage.of(call).type();
        return STORAGES.containsKey(type) ? null : "of the element type " + type + ", which is not supported";
    }

    /** What a tensor says about its storage: the element type, as in {@code torch.FloatStorage}, and its name in the archive. */
    private record Storage(String type, String key) {
        static Storage of(Call tensor) throws IOException {
            if (tensor.arguments.length < 4 || !(tensor.arguments[0] instanceof PersistentId storage)) {
                throw new IOException("its tensor has unexpected arguments");
            }
            if (!(storage.id instanceof Object[] id)
                    || id.length < 5
                    || !"storage".equals(id[0])
                    || !(id[1] instanceof Global type)
                    || !(id[2] instanceof String key)) {
                throw new IOException("its storage has an unexpected description");
            }
            return new Storage(type.name(), key);
        }
    }

    /** Makes a view from {@code _rebuild_tensor_v2(storage, offset, size, stride, ...)}. */
    private StridedView tensor(String name, Call call, String root, long fileBytes) throws IOException {
        Storage storage = Storage.of(call);
        if (!(call.arguments[1] instanceof Long offset)) {
            throw new IOException("its tensor has unexpected arguments");
        }
        long[] size = longs(call.arguments[2]);
        long[] stride = longs(call.arguments[3]);
        DType dtype = STORAGES.get(storage.type());
        String key = storage.key();
        ZipEntry entry = zip.getEntry(root + "data/" + key);
        if (entry == null) {
            throw new IOException("its storage " + root + "data/" + key + " is missing in the archive");
        }
        return StridedView.of(name, dtype, size, stride, offset, entry, checkStored(entry, fileBytes, Long.MAX_VALUE));
    }

    /** Stored entries cannot be larger than the file, so that a size can be trusted before anything is allocated. */
    private static long checkStored(ZipEntry entry, long fileBytes, long most) throws IOException {
        if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
            throw new IOException("its entry " + entry.getName() + " is compressed, which torch.save never does");
        }
        if (entry.getSize() < 0 || entry.getSize() > Math.min(fileBytes, most)) {
            throw new IOException("its entry " + entry.getName() + " claims " + entry.getSize() + " bytes");
        }
        return entry.getSize();
    }

    private static long[] longs(Object tuple) throws IOException {
        if (!(tuple instanceof Object[] items) || items.length > 64) {
            throw new IOException("its tensor has an unexpected shape");
        }
        long[] values = new long[items.length];
        for (int i = 0; i < values.length; i++) {
            if (!(items[i] instanceof Long number)) {
                throw new IOException("its tensor has an unexpected shape");
            }
            values[i] = number;
        }
        return values;
    }

    /** Returns the texts that this program put beside the tensors: see {@link PyTorchWriter}. */
    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    /** Returns the checkpoint's entry {@code epoch}, if it has one. */
    public OptionalLong epoch() {
        return epoch;
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
    public Map<String, String> passedOver() {
        return Collections.unmodifiableMap(passedOver);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        return view(name).info();
    }

    private StridedView view(String name) throws IOException {
        StridedView view = tensors.get(name);
        if (view == null && passedOver.containsKey(name)) {
            throw new IOException(path + ": " + name + " is " + passedOver.get(name) + ", where a tensor is expected.");
        }
        if (view == null) {
            throw new IOException(path + ": there is no tensor " + name + " among its " + tensors.size() + " tensors.");
        }
        return view;
    }

    /**
     * {@inheritDoc}
     *
     * <p>A part of a view with gaps or another order has to begin and end between elements.
     */
    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        StridedView view = view(name);
        Objects.checkFromIndexSize(offset, into.remaining(), view.info().bytes());
        try {
            view.read(offset, into, (position, bytes) -> readEntry(view.storage(), position, bytes));
        } catch (IOException | IllegalStateException e) {
            throw new IOException(path + ": tensor " + name + " cannot be read: " + e.getMessage() + ".", e);
        }
    }

    /** Skipping is cheap here: the entry is stored, so that the stream only moves its position. */
    private void readEntry(ZipEntry entry, long position, ByteBuffer into) throws IOException {
        try (InputStream in = zip.getInputStream(entry)) {
            in.skipNBytes(position);
            byte[] chunk = new byte[Math.min(into.remaining(), 1 << 16)];
            while (into.hasRemaining()) {
                int count = in.read(chunk, 0, Math.min(chunk.length, into.remaining()));
                if (count < 0) {
                    throw new IOException("entry " + entry.getName() + " ends early");
                }
                into.put(chunk, 0, count);
            }
        }
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
