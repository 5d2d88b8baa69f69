package io.github.vicmae.settings;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The settings that a tree of records defines. */
public final class Definitions {
    private static final ClassValue<List<Definition>> KNOWN = new ClassValue<>() {
        @Override
        protected List<Definition> computeValue(Class<?> type) {
            List<Definition> found = new ArrayList<>();
            collect(type, "", found);
            return Collections.unmodifiableList(found);
        }
    };

    private Definitions() {}

    /**
     * All settings of a record and of the records in it, in their order. Where a component is an interface with {@link Forms}, the settings of
     * all its records are listed.
     */
    public static List<Definition> of(Class<?> root) {
        return KNOWN.get(root);
    }

    private static void collect(Class<?> type, String prefix, List<Definition> found) {
        if (!type.isRecord()) {
            for (Class<?> form : forms(type).all()) {
                collect(form, prefix, found);
            }
            return;
        }
        for (RecordComponent c : type.getRecordComponents()) {
            Setting setting = c.getAnnotation(Setting.class);
            if (setting != null) {
                found.add(new Definition(type, prefix + c.getName(), c.getType(), setting));
            } else if (c.getType().isRecord() || c.getType().isAnnotationPresent(Forms.class)) {
                collect(c.getType(), prefix + c.getName() + ".", found);
            }
        }
    }

    private static Forms.Records forms(Class<?> type) {
        try {
            return type.getAnnotation(Forms.class)
                    .value()
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("The forms of " + type.getSimpleName() + " cannot be listed", e);
        }
    }

    /** Whether an object of a settings file stands for a record: always, but for one of several forms. */
    static boolean isOf(JsonNode object, Class<?> record) {
        for (Class<?> type : record.getInterfaces()) {
            if (type.isAnnotationPresent(Forms.class)) {
                return forms(type).of(object) == record;
            }
        }
        return true;
    }

    /**
     * Checks a record's values against their ranges; for its compact constructor.
     *
     * @param type the record
     * @param values of all its components, in their order
     * @throws IllegalArgumentException with one sentence, if one lies outside its range
     */
    public static void check(Class<? extends Record> type, Object... values) {
        RecordComponent[] components = type.getRecordComponents();
        if (values.length != components.length) {
            throw new IllegalStateException(
                    type.getSimpleName() + " has " + components.length + " components, not " + values.length);
        }
        for (Definition d : of(type)) {
            for (int i = 0; i < components.length; i++) {
                if (components[i].getName().equals(d.key())) {
                    d.check(values[i]);
                }
            }
        }
    }
}
