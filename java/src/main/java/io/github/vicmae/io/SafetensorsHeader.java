package io.github.vicmae.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A safetensors file's header, parsed and checked. Messages of the exceptions do not name the file; {@link Safetensors}
 * adds it.
 *
 * @param metadata the texts of {@code __metadata__}
 * @param tensors the tensors by name, in the order of their data
 * @param dataStart the data's first byte in the file
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors, long dataStart) {
    private static final int MOST_BYTES = 100_000_000;
    private static final int MOST_DIMENSIONS = 64;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(16)
                    .maxNumberLength(32)
                    .maxNameLength(1 << 16)
                    .maxStringLength(MOST_BYTES)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    static SafetensorsHeader read(FileChannel channel) throws IOException {
        long fileSize = channel.size();
        if (fileSize < Long.BYTES + 2) {
            throw new IOException("it has only " + fileSize + " bytes.");
        }
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        Safetensors.readFully(channel, 0, length);
        long headerBytes = length.getLong(0);
        if (headerBytes < 2 || headerBytes > MOST_BYTES) {
            throw new IOException("the header claims " + Long.toUnsignedString(headerBytes) + " bytes; between 2 and "
                    + MOST_BYTES + " are allowed.");
        }
        if (headerBytes > fileSize - Long.BYTES) {
            throw new IOException("the header claims " + headerBytes + " bytes, but the file has only "
                    + (fileSize - Long.BYTES) + " after the length.");
        }
        byte[] text = new byte[(int) headerBytes];
        Safetensors.readFully(channel, Long.BYTES, ByteBuffer.wrap(text));
        long dataStart = Long.BYTES + headerBytes;
        return parse(text, dataStart, fileSize - dataStart);
    }

    private static SafetensorsHeader parse(byte[] text, long dataStart, long dataBytes) throws IOException {
        if (text[0] != '{') {
            throw new IOException("the header does not start with '{'.");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        List<TensorInfo> tensors = new ArrayList<>();
        // A reader of our own keeps Jackson from guessing other encodings, and reports malformed UTF-8.
        Reader reader = new InputStreamReader(new ByteArrayInputStream(text), StandardCharsets.UTF_8.newDecoder());
        try (JsonParser json = JSON.createParser(reader)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                if (name.equals(Safetensors.METADATA)) {
                    readMetadata(json, metadata);
                } else {
                    tensors.add(readTensor(json, name));
                }
            }
            if (json.nextToken() != null) {
                throw new IOException("the header has text after its object.");
            }
        } catch (CharacterCodingException e) {
            throw new IOException("the header is not valid UTF-8.", e);
        } catch (JsonProcessingException e) {
            throw new IOException("the header is not valid JSON: " + e.getOriginalMessage() + ".", e);
        }
        Map<String, TensorInfo> ordered = checkLayout(tensors, dataBytes);
        return new SafetensorsHeader(
                Collections.unmodifiableMap(metadata), Collections.unmodifiableMap(ordered), dataStart);
    }

    private static void readMetadata(JsonParser json, Map<String, String> metadata) throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, "the metadata");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            expect(json.nextToken(), JsonToken.VALUE_STRING, "metadata entry " + shorten(key));
            metadata.put(key, json.getText());
        }
    }

    private static TensorInfo readTensor(JsonParser json, String name) throws IOException {
        String what = "tensor " + shorten(name);
        expect(json.nextToken(), JsonToken.START_OBJECT, what);
        DType dtype = null;
        long[] shape = null;
        long[] offsets = null;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            json.nextToken();
            switch (field) {
                case "dtype" -> dtype = readDType(json, what);
                case "shape" -> shape = readLongs(json, what + ", shape");
                case "data_offsets" -> offsets = readLongs(json, what + ", data_offsets");
                default -> json.skipChildren();
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            throw new IOException(what + " lacks its dtype, shape or data_offsets.");
        }
        if (offsets.length != 2 || offsets[1] < offsets[0]) {
            throw new IOException(what + " has data_offsets that are not a begin and an end.");
        }
        long bytes = offsets[1] - offsets[0];
        long expected = TensorInfo.sizeInBytes(shape, dtype);
        if (expected < 0) {
            throw new IOException(what + " has a shape whose size overflows.");
        }
        if (expected != bytes) {
            throw new IOException(what + " needs " + expected + " bytes for its shape and type, but its data_offsets"
                    + " span " + bytes + ".");
        }
        return new TensorInfo(name, dtype, shape, offsets[0], bytes);
    }

    private static DType readDType(JsonParser json, String what) throws IOException {
        expect(json.currentToken(), JsonToken.VALUE_STRING, what + ", dtype");
        try {
            return DType.valueOf(json.getText());
        } catch (IllegalArgumentException e) {
            throw new IOException(what + " has the unknown dtype " + shorten(json.getText()) + ".", e);
        }
    }

    private static long[] readLongs(JsonParser json, String what) throws IOException {
        expect(json.currentToken(), JsonToken.START_ARRAY, what);
        long[] values = new long[MOST_DIMENSIONS];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER || json.getLongValue() < 0) {
                throw new IOException(what + " has a negative number or one beyond 64 bits.");
            }
            if (count == MOST_DIMENSIONS) {
                throw new IOException(what + " has more than " + MOST_DIMENSIONS + " numbers.");
            }
            values[count++] = json.getLongValue();
        }
        return Arrays.copyOf(values, count);
    }

    /** The tensors have to cover the data exactly: no gap, no overlap, nothing before or after. */
    private static Map<String, TensorInfo> checkLayout(List<TensorInfo> tensors, long dataBytes) throws IOException {
        tensors.sort(Comparator.comparingLong(TensorInfo::offset).thenComparingLong(TensorInfo::bytes));
        Map<String, TensorInfo> ordered = new LinkedHashMap<>();
        long end = 0;
        for (TensorInfo tensor : tensors) {
            if (tensor.offset() != end) {
                String fault = tensor.offset() < end ? "overlaps the tensor before it" : "leaves a gap before it";
                throw new IOException("tensor " + shorten(tensor.name()) + " starts at byte " + tensor.offset()
                        + " and " + fault + ", which ends at byte " + end + ".");
            }
            end += tensor.bytes();
            if (end < 0 || end > dataBytes) {
                throw new IOException("tensor " + shorten(tensor.name()) + " ends beyond the data, of which there are "
                        + dataBytes + " bytes. The file is truncated.");
            }
            ordered.put(tensor.name(), tensor);
        }
        if (end != dataBytes) {
            throw new IOException(
                    "the tensors end at byte " + end + " of the data, but the file has " + dataBytes + ".");
        }
        return ordered;
    }

    private static void expect(JsonToken found, JsonToken wanted, String what) throws IOException {
        if (found != wanted) {
            throw new IOException(what + ": expected " + wanted + ", found " + found + ".");
        }
    }

    private static String shorten(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }
}
