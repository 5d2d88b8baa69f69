package io.github.vicmae.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;

/** JSON for people and programs to read. */
public final class JsonText {
    private static final ObjectWriter WRITER = JsonMapper.builder().build().writerWithDefaultPrettyPrinter();

    private static final ObjectWriter ASCII = WRITER.with(JsonWriteFeature.ESCAPE_NON_ASCII.mappedFeature());

    private JsonText() {}

    /**
     * A tree of maps, lists, strings, numbers and booleans as indented JSON.
     *
     * @throws IllegalArgumentException if it holds anything else that cannot be written
     */
    public static String indented(Object tree) {
        try {
            String text = WRITER.writeValueAsString(tree);
            // Half of a surrogate pair, which stands for a byte of a file name that is no UTF-8, has no other form.
            return StandardCharsets.UTF_8.newEncoder().canEncode(text) ? text : ASCII.writeValueAsString(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("This cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }
}
