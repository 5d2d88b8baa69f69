package io.github.vicmae.model;

import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A published checkpoint whose blocks have no bias in the map to queries, keys and values, as OmniMAE's decoder: read as if these biases were zero, which
 * computes the same. If only some blocks of a stack lack it, it counts as missing.
 */
final class ZeroBiases extends FilteredSource {
    private static final Pattern WEIGHT = Pattern.compile("((?:.*\\.)?\\w*blocks\\.)(\\d+\\.attn\\.qkv\\.)weight");

    private final Map<String, TensorInfo> zeros;

    private ZeroBiases(TensorSource source, Map<String, TensorInfo> zeros) {
        super(source);
        this.zeros = zeros;
    }

    /** Returns the source itself where no bias is missing, and where the file is one of this library. Closing the result closes the source. */
    static TensorSource of(TensorSource source) throws IOException {
        if (source.metadata().containsKey(Checkpoint.CONFIG)) {
            return source;
        }
        Map<String, TensorInfo> zeros = new LinkedHashMap<>();
        Set<String> stacksWithBias = new TreeSet<>();
        for (String name : source.names()) {
            Matcher weight = WEIGHT.matcher(name);
            if (!weight.matches()) {
                continue;
            }
            String bias = weight.group(1) + weight.group(2) + "bias";
            if (source.contains(bias) || source.passedOver().containsKey(bias)) {
                stacksWithBias.add(weight.group(1));
            } else {
                TensorInfo map = source.info(name);
                long rows = map.shape()[0];
                long size = map.dtype().bytes();
                zeros.put(bias, new TensorInfo(bias, map.dtype(), new long[] {rows}, 0, rows * size));
            }
        }
        zeros.keySet().removeIf(name -> stacksWithBias.stream().anyMatch(name::startsWith));
        return zeros.isEmpty() ? source : new ZeroBiases(source, zeros);
    }

    @Override
    public List<String> names() {
        List<String> names = new ArrayList<>(super.names());
        names.addAll(zeros.keySet());
        return names;
    }

    @Override
    public boolean contains(String name) {
        return super.contains(name) || zeros.containsKey(name);
    }

    @Override
    public TensorInfo info(String name) throws IOException {
        TensorInfo zero = zeros.get(name);
        return zero != null ? zero : super.info(name);
    }

    @Override
    public void read(String name, long offset, ByteBuffer into) throws IOException {
        if (!zeros.containsKey(name)) {
            super.read(name, offset, into);
            return;
        }
        while (into.hasRemaining()) {
            into.put((byte) 0);
        }
    }
}
