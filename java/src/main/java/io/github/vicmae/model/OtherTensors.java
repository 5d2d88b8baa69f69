package io.github.vicmae.model;

import io.github.vicmae.io.TensorSource;
import io.github.vicmae.layer.Parameter;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The tensors of a checkpoint that a model does not take. Some would change what the model computes: with them left out, its features would not be
 * those of the model that was trained. The others, such as a classifier's, are of no use here.
 */
final class OtherTensors {
    /** What other vision transformers add. Looked for anywhere in names inside the model's modules, otherwise in a name's first part only. */
    private static final Map<Pattern, String> VARIANTS = variants();

    /** Counters and buffers, which no forward pass here reads. */
    private static final Pattern STATE = Pattern.compile("(^|\\.)(num_batches_tracked|_extra_state)$");

    /** The parts of the published models and of a run's checkpoint beside the encoder. */
    private static final Pattern OWN = Pattern.compile(
            "(decoder_|mask_token$|projector\\.|predictor\\.|target\\.|exp_avg\\.|exp_avg_sq\\.|ema\\.).*");

    /** timm's, where it pools patches. Beside a norm before the pooling it belongs to the classifier. */
    private static final String POOLED_NORM = "fc_norm.weight";

    private static final Pattern NUMBER = Pattern.compile("\\.\\d+\\.");

    private OtherTensors() {}

    private static Map<Pattern, String> variants() {
        Map<Pattern, String> variants = new LinkedHashMap<>();
        variants.put(component("ls[12]|gamma_[12]|lambda_[12]|layer_scale.*"), "LayerScale");
        variants.put(component("[qk]_norm|[qk]_layernorm"), "normalised queries and keys");
        variants.put(component("reg_tokens?|register_tokens?|storage_tokens?"), "register tokens");
        variants.put(component("w12|w3"), "SwiGLU");
        variants.put(component("dist_token"), "a distillation token");
        variants.put(component("norm_pre|pre_norm|ln_pre"), "a normalisation before the blocks");
        variants.put(component("(rel_pos|relative_position).*"), "a relative position bias");
        variants.put(component("rope.*|rotary.*|freqs_cis"), "rotary positions");
        variants.put(component("pos_embed_.+|(temporal|time|spatial)_(pos_)?embed.*"), "further position embeddings");
        variants.put(component("lora_.*"), "LoRA weights that were not merged");
        return variants;
    }

    private static Pattern component(String names) {
        return Pattern.compile("(^|\\.)(" + names + ")(\\.|$)");
    }

    /**
     * Lists the file's tensors that change what the model computes and that it has no place for: those inside a module of which the model takes
     * parameters, and those that are known from other variants of the vision transformer. One sentence for each name, blocks taken together.
     *
     * @param taken the parameters that are loaded, under their names behind {@code prefix}
     */
    static List<String> problems(TensorSource source, Iterable<Parameter> taken, String prefix) {
        Set<String> known = names(taken);
        Set<String> modules = known.stream()
                .filter(name -> name.contains("."))
                .map(name -> name.substring(0, name.indexOf('.')))
                .collect(Collectors.toSet());
        Set<String> problems = new LinkedHashSet<>();
        for (String full : source.names()) {
            if (!full.startsWith(prefix)) {
                continue;
            }
            String name = full.substring(prefix.length());
            if (known.contains(name)
                    || STATE.matcher(name).find()
                    || OWN.matcher(name).matches() && !isIn(name, modules)) {
                continue;
            }
            boolean inside = isIn(name, modules);
            String variant = variant(inside ? name : name.replaceAll("\\..*", ""));
            if (name.equals(POOLED_NORM) && !source.contains(prefix + "norm.weight")) {
                problems.add(
                        prefix + name + " changes what is computed (a normalisation behind the pooling in the place of"
                                + " that before it), and this model does not have it");
            } else if (variant != null) {
                problems.add(prefix + together(name) + " changes what is computed (" + variant
                        + "), and this model does not have it");
            } else if (inside) {
                problems.add(prefix + name + " is in the file, but this model has no such tensor");
            }
        }
        return List.copyOf(problems);
    }

    private static boolean isIn(String name, Set<String> modules) {
        int dot = name.indexOf('.');
        return dot > 0 && modules.contains(name.substring(0, dot));
    }

    private static String variant(String name) {
        return VARIANTS.entrySet().stream()
                .filter(v -> v.getKey().matcher(name).find())
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
    }

    /**
     * Names what the file holds besides the parameters and the known parts of the published models, blocks taken together: what was passed over.
     */
    static List<String> passedOver(TensorSource source, Iterable<Parameter> taken) {
        Set<String> known = names(taken);
        Set<String> found = new LinkedHashSet<>();
        for (String name : source.names()) {
            boolean counter = name.endsWith(Checkpoint.BATCHES_TRACKED);
            if (!known.contains(name) && !counter && !OWN.matcher(name).matches()) {
                found.add(together(name));
            }
        }
        source.passedOver().forEach((name, what) -> found.add(together(name) + " (" + what + ")"));
        return List.copyOf(found);
    }

    private static Set<String> names(Iterable<Parameter> parameters) {
        Set<String> names = new LinkedHashSet<>();
        parameters.forEach(p -> names.add(p.name()));
        return names;
    }

    /** The name with an asterisk for each number, the same for all blocks. */
    private static String together(String name) {
        return NUMBER.matcher(name).replaceAll(".*.");
    }
}
