package io.github.vicmae.model;

import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A checkpoint under the names of the published state dict, whatever its model was wrapped in when it was saved: {@code module.} of
 * DistributedDataParallel, {@code _orig_mod.} of torch.compile, a training program's {@code model.} or {@code backbone.}. What lies outside of
 * the encoder's prefix is passed over; of a student and a teacher the teacher is taken, as its authors do. The names and maps of ST-MAE and OmniMAE, which differ, become ours: see {@link PublishedLayout}; what other programs add is read as {@link ForeignLayout} says.
 */
public final class StateDict extends FilteredSource {
    /** Every vision transformer has it; what stands before it is the prefix of the model's names. */
    private static final String PATCH_WEIGHT = "patch_embed.proj.weight";

    /** Wrappers of single modules may stand anywhere in a name. */
    private static final Pattern MODULE_WRAPPER =
            Pattern.compile("(?<![^.])(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\\.");

    private final Map<String, String> originals;
    private final Map<String, String> passedOver;

    private StateDict(TensorSource source, Map<String, String> originals, Map<String, String> passedOver) {
        super(source);
        this.originals = originals;
        this.passedOver = passedOver;
    }

    /**
     * Returns the source itself where its names are the published ones. Closing the result closes the source.
     *
     * @throws IOException if there are several encoders in the file, or two tensors get the same name
     */
    public static TensorSource of(TensorSource source) throws IOException {
        return ForeignLayout.of(ZeroBiases.of(JoinedMaps.of(renamed(source))));
    }

    private static TensorSource renamed(TensorSource source) throws IOException {
        Map<String, String> plain = new LinkedHashMap<>();
        for (String name : source.names()) {
            add(plain, ForeignLayout.name(MODULE_WRAPPER.matcher(name).replaceAll("")), name, source);
        }
        plain = PublishedLayout.ofOmniMae(plain);
        String prefix = prefix(plain.keySet(), source);
        if (prefix.isEmpty() && plain.keySet().equals(Set.copyOf(source.names()))) {
            return source;
        }
        Map<String, String> originals = new LinkedHashMap<>();
        Map<String, String> passedOver = new LinkedHashMap<>();
        for (Map.Entry<String, String> name : plain.entrySet()) {
            if (name.getKey().startsWith(prefix)) {
                add(originals, name.getKey().substring(prefix.length()), name.getValue(), source);
            } else {
                passedOver.put(name.getValue(), "outside of '" + prefix + "'");
            }
        }
        source.passedOver().forEach((name, what) -> {
            String inner = MODULE_WRAPPER.matcher(name).replaceAll("");
            passedOver.put(inner.startsWith(prefix) ? inner.substring(prefix.length()) : name, what);
        });
        return new StateDict(source, originals, passedOver);
    }

    private static void add(Map<String, String> names, String name, String original, TensorSource source)
            throws IOException {
        String other = names.put(name, original);
        if (other != null) {
            throw new IOException(
                    source.path() + " holds the tensor " + name + " twice, as " + other + " and as " + original);
        }
    }

    private static String prefix(Set<String> names, TensorSource source) throws IOException {
        if (names.contains(PATCH_WEIGHT)) {
            return "";
        }
        Set<String> prefixes = new TreeSet<>();
        for (String name : names) {
            if (name.endsWith("." + PATCH_WEIGHT)) {
                prefixes.add(name.substring(0, name.length() - PATCH_WEIGHT.length()));
            }
        }
        if (prefixes.size() > 1) {
            List<String> teachers = prefixes.stream()
                    .filter(p -> p.matches("(.*\\.)?teacher\\..*"))
                    .toList();
            if (teachers.size() == 1) {
                return teachers.get(0);
            }
        }
        if (prefixes.size() > 1) {
            throw new IOException(source.path() + " holds several encoders, with names that begin with "
                    + String.join(" and ", prefixes) + "; save the one that is meant by itself");
        }
        return prefixes.isEmpty() ? "" : prefixes.iterator().next();
    }

    @Override
    public List<String> names() {
        return List.copyOf(originals.keySet());
    }

    @Override
    public boolean contains(String name) {
        return originals.containsKey(name);
    }

    @Override
    public Map<String, String> passedOver() {
        return passedOver;
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        TensorInfo info = super.info(original(name));
        return new TensorInfo(name, info.dtype(), info.shape(), info.offset(), info.bytes());
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        super.read(original(name), offset, into);
    }

    /** An unknown name is passed on unchanged, for the source to refuse. */
    private String original(String name) {
        return originals.getOrDefault(name, name);
    }
}
