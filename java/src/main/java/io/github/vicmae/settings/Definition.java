package io.github.vicmae.settings;

import java.util.Arrays;
import java.util.Locale;

/**
 * A setting as its record declares it.
 *
 * @param owner the record that has it
 * @param key its place in a settings file, such as {@code model.trunk.patch}
 * @param type of its values
 * @param setting its definition
 */
public record Definition(Class<?> owner, String key, Class<?> type, Setting setting) {
    /** The last part of the key. */
    public String component() {
        return key.substring(key.lastIndexOf('.') + 1);
    }

    /** Its name in a sentence: "mask ratio" for {@code objective.maskRatio}. */
    public String name() {
        return component().replaceAll("(?<=[a-z0-9])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
    }

    /** Whether the option is a switch: it takes no value and inverts the default. */
    public boolean isSwitch() {
        return (type == boolean.class || type == Boolean.class)
                && setting.label().isEmpty();
    }

    /**
     * A value of the setting's type from text, such as an option's or the default's.
     *
     * @throws IllegalArgumentException with one sentence, if the text is none
     */
    public Object parse(String text) {
        if (type.isEnum()) {
            for (Object constant : type.getEnumConstants()) {
                if (constant.toString().equalsIgnoreCase(text)) {
                    return constant;
                }
            }
            throw new IllegalArgumentException("There is no " + name() + " '" + text + "': use one of "
                    + Arrays.toString(type.getEnumConstants()).replaceAll("[\\[\\]]", ""));
        }
        try {
            if (type == int.class || type == Integer.class) {
                return Integer.valueOf(text);
            }
            if (type == long.class || type == Long.class) {
                return Long.valueOf(text);
            }
            if (type == double.class || type == Double.class) {
                return Double.valueOf(text);
            }
        } catch (NumberFormatException e) {
            boolean whole = type != double.class && type != Double.class;
            throw new IllegalArgumentException(
                    "The " + name() + " must be a " + (whole ? "whole number" : "number") + ", not '" + text + "'", e);
        }
        if (type == boolean.class || type == Boolean.class) {
            if (!text.equals("true") && !text.equals("false")) {
                throw new IllegalArgumentException(
                        "The setting " + name() + " must be true or false, not '" + text + "'");
            }
            return Boolean.valueOf(text);
        }
        return text;
    }

    /**
     * Checks a value against the setting's range; null and what is not a number pass.
     *
     * @throws IllegalArgumentException with one sentence, if it lies outside
     */
    void check(Object value) {
        Range range = Range.parse(setting.range());
        if (value instanceof Number n && !range.contains(n.doubleValue())) {
            throw new IllegalArgumentException("The " + name() + " must be " + range + ", not " + value);
        }
    }
}
