package io.github.vicmae.model;

import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A checkpoint with separate maps to queries, keys and values, as ST-MAE's: read as one map {@code qkv}, the three joined along dimension 0. */
final class JoinedMaps extends FilteredSource {
    private static final Pattern QUERIES = Pattern.compile("(.*\\.attn\\.)q(\\.(?:weight|bias))");

    /** The three parts of each joined tensor. */
    private final Map<String, List<String>> parts = new LinkedHashMap<>();

    private final Set<String> names = new LinkedHashSet<>();

    private JoinedMaps(TensorSource source) {
        super(source);
        for (String name : source.names()) {
            Matcher queries = QUERIES.matcher(name);
            if (queries.matches()) {
                List<String> three = new ArrayList<>();
                for (String part : new String[] {"q", "k", "v"}) {
                    three.add(queries.group(1) + part + queries.group(2));
                }
                if (three.stream().allMatch(source::contains)) {
                    parts.put(queries.group(1) + "qkv" + queries.group(2), three);
                }
            }
        }
        Set<String> joined = parts.values().stream().flatMap(List::stream).collect(Collectors.toSet());
        source.names().stream().filter(name -> !joined.contains(name)).forEach(names::add);
        names.addAll(parts.keySet());
    }

    /** Returns the source itself where there is nothing to join. Closing the result closes the source. */
    static TensorSource of(TensorSource source) {
        JoinedMaps joined = new JoinedMaps(source);
        return joined.parts.isEmpty() ? source : joined;
    }

    @Override
    public List<String> names() {
        return List.copyOf(names);
    }

    @Override
    public boolean contains(String name) {
        return names.contains(name);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        List<String> three = parts.get(name);
        if (three == null) {
            return super.info(name);
        }
        TensorInfo first = super.info(three.get(0));
        for (String part : three) {
            TensorInfo info = super.info(part);
            if (info.dtype() != first.dtype() || !Arrays.equals(info.shape(), first.shape())) {
                throw new IOException(path() + ": " + part + " has another shape or type than " + three.get(0)
                        + ", so that they cannot be joined to one map");
            }
        }
        long[] shape = first.shape();
        shape[0] *= three.size();
        return new TensorInfo(name, first.dtype(), shape, 0, three.size() * first.bytes());
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        List<String> three = parts.get(name);
        if (three == null) {
            super.read(name, offset, into);
            return;
        }
        long size = info(name).bytes() / three.size();
        int end = into.limit();
        for (long at = offset; into.remaining() > 0; ) {
            long within = at % size;
            int count = (int) Math.min(size - within, end - into.position());
            into.limit(into.position() + count);
            super.read(three.get(Math.toIntExact(at / size)), within, into);
            into.limit(end);
            at += count;
        }
    }
}
