package io.github.vicmae.embed;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What embeddings are of: rows of two tables can be compared if these agree.
 *
 * @param model the file of the weights, as it was given; says where they came from, and need not agree
 * @param fingerprint SHA-256 of that file, 64 hexadecimal digits
 * @param tokens pooled, cls, both or patches
 * @param frames of a video, whose mean is its row
 * @param every seconds between the rows of a video; 0 for one row, the mean
 * @param isNormalized whether every vector has been divided by its length
 * @param precision of the encoder's products: fp32 or bf16
 * @param tokensOfRow vectors of a row: 1, or the patches of a view
 * @param dim values of a vector
 */
public record EmbeddingSettings(
        String model,
        String fingerprint,
        String tokens,
        int frames,
        double every,
        boolean isNormalized,
        String precision,
        int tokensOfRow,
        int dim) {

    /** Values of a row. */
    public int width() {
        return Math.multiplyExact(tokensOfRow, dim);
    }

    /** The tree that files keep. */
    public Map<String, Object> tree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("model", model);
        tree.put("model_sha256", fingerprint);
        tree.put("tokens", tokens);
        if (every > 0) {
            tree.put("every_seconds", every);
        } else {
            tree.put("frames", frames);
        }
        tree.put("normalized", isNormalized);
        tree.put("precision", precision);
        tree.put("row_tokens", tokensOfRow);
        tree.put("dim", dim);
        return tree;
    }

    /**
     * Reads {@link #tree} again.
     *
     * @param where names the file in the message
     * @throws IOException if it is something else
     */
    public static EmbeddingSettings of(JsonNode tree, String where) throws IOException {
        if (!tree.path("model_sha256").isTextual() || tree.path("dim").asInt() < 1) {
            throw new IOException(where + " was not written by vicmae embed or index");
        }
        return new EmbeddingSettings(
                tree.path("model").asText(),
                tree.path("model_sha256").asText(),
                tree.path("tokens").asText(),
                tree.path("frames").asInt(1),
                tree.path("every_seconds").asDouble(0),
                tree.path("normalized").asBoolean(),
                tree.path("precision").asText(),
                tree.path("row_tokens").asInt(1),
                tree.path("dim").asInt());
    }

    /** In what rows of other settings would differ, in words; empty if they can stand in one table. */
    public List<String> differences(EmbeddingSettings other) {
        List<String> found = new ArrayList<>();
        if (!fingerprint.equals(other.fingerprint)) {
            found.add("the model was " + other.model + " (SHA-256 " + other.fingerprint.substring(0, 12)
                    + "...) and is " + model + " (" + fingerprint.substring(0, 12) + "...) now");
        }
        compare("--tokens", other.tokens, tokens, found);
        compare("--every", other.every, every, found);
        if (every == 0 && other.every == 0) {
            compare("--frames", other.frames, frames, found);
        }
        compare("--normalize", other.isNormalized, isNormalized, found);
        compare("--precision", other.precision, precision, found);
        if (found.isEmpty() && width() != other.width()) {
            compare("the length of a row", other.width(), width(), found);
        }
        return found;
    }

    private static void compare(String what, Object before, Object now, List<String> found) {
        if (!Objects.equals(before, now)) {
            found.add(what + " was " + before + " and is " + now + " now");
        }
    }
}
