package io.github.vicmae.model;

import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the published checkpoints of ST-MAE (github.com/facebookresearch/mae_st) and OmniMAE (github.com/facebookresearch/omnivore) lay out the same
 * tensors: ST-MAE has three maps for queries, keys and values; OmniMAE keeps encoder and decoder in a {@code trunk}, and its patch embedding is the second
 * module of a sequence, after the one that repeats images.
 */
public final class PublishedLayout {
    private static final Pattern OMNIMAE = Pattern.compile("(.*?)trunk\\.patch_embed\\.proj\\.1\\.weight");

    /** From prefixes of OmniMAE's names to ours; the first that matches counts. */
    private static final Map<String, String> OMNIMAE_NAMES = new LinkedHashMap<>();

    static {
        OMNIMAE_NAMES.put("trunk.patch_embed.proj.1.", "patch_embed.proj.");
        OMNIMAE_NAMES.put("head.", "decoder_pred.");
        OMNIMAE_NAMES.put("trunk.decoder.norm.", "decoder_norm.");
        OMNIMAE_NAMES.put("trunk.decoder.pos_embed", "decoder_pos_embed");
        OMNIMAE_NAMES.put("trunk.decoder.decoder_", "decoder_");
        OMNIMAE_NAMES.put("trunk.", "");
    }

    private static final Pattern MAP = Pattern.compile("(.*\\.attn\\.)qkv(\\.(?:weight|bias))");

    private PublishedLayout() {}

    /**
     * Brings OmniMAE's names into ours; those of other models are left alone.
     *
     * @param names from names without wrappers to those in the file
     */
    static Map<String, String> ofOmniMae(Map<String, String> names) {
        String prefix = names.keySet().stream()
                .map(OMNIMAE::matcher)
                .filter(Matcher::matches)
                .map(m -> m.group(1))
                .findFirst()
                .orElse(null);
        if (prefix == null) {
            return names;
        }
        Map<String, String> ours = new LinkedHashMap<>();
        names.forEach((name, original) -> {
            String rest = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
            for (Map.Entry<String, String> start : OMNIMAE_NAMES.entrySet()) {
                if (rest.startsWith(start.getKey())) {
                    rest = start.getValue() + rest.substring(start.getKey().length());
                    break;
                }
            }
            ours.put(rest, original);
        });
        return ours;
    }

    private static String omniMae(String ours) {
        for (Map.Entry<String, String> start : OMNIMAE_NAMES.entrySet()) {
            if (!start.getValue().isEmpty() && ours.startsWith(start.getValue())) {
                return start.getKey() + ours.substring(start.getValue().length());
            }
        }
        return "trunk." + ours;
    }

    /**
     * How a model's tensors are called and cut up where its method was published.
     *
     * @param tensors the encoder's or the whole model's, under our names
     * @param method such as {@code st-mae}; {@code mae} and {@code vicmae} are published under our names
     */
    public static List<NamedTensor> named(TensorSource tensors, String method) throws IOException {
        List<NamedTensor> named = new ArrayList<>();
        for (String name : tensors.names()) {
            TensorInfo info = tensors.info(name);
            Matcher map = MAP.matcher(name);
            if (method.equals("st-mae") && map.matches()) {
                long[] shape = info.shape();
                shape[0] /= 3;
                for (int i = 0; i < 3; i++) {
                    String part = map.group(1) + "qkv".charAt(i) + map.group(2);
                    named.add(new NamedTensor(part, info.dtype(), shape, name, i * info.bytes() / 3));
                }
            } else {
                named.add(NamedTensor.whole(method.equals("omnimae") ? omniMae(name) : name, info));
            }
        }
        if (method.equals("omnimae") && tensors.contains("decoder_embed.weight")) { // its decoder has the same table
            named.add(NamedTensor.whole(omniMae("decoder_pos_embed"), tensors.info("pos_embed")));
        }
        return named;
    }
}
