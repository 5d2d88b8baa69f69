package io.github.vicmae.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;

/** Settings as JSON text: records by their components' names, enums in lower case. */
public final class ConfigJson {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(SerializationFeature.WRITE_ENUMS_USING_TO_STRING)
            .enable(DeserializationFeature.READ_ENUMS_USING_TO_STRING)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    private ConfigJson() {}

    /** A record as one line of JSON. */
    public static String write(Object settings) {
        try {
            return MAPPER.writeValueAsString(settings);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The settings cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** A record as indented JSON, for people. */
    public static String writePretty(Object settings) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(settings);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The settings cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * @throws IOException if the text is no such record, or its values are refused
     */
    public static <T> T read(String text, Class<T> type) throws IOException {
        try {
            return MAPPER.readValue(text, type);
        } catch (JsonProcessingException e) {
            throw new IOException("The settings cannot be read: " + e.getOriginalMessage(), e);
        }
    }
}
