package io.github.vicmae.settings;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.List;

/** Marks an interface whose values are one of several records, and lists these. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Forms {
    /** The records; implementations have a public constructor without parameters. */
    interface Records {
        /** All of them. */
        List<Class<?>> all();

        /** The one that an object of a settings file stands for, or null if that cannot be told. */
        Class<?> of(JsonNode object);
    }

    /** A new one is made whenever the records are asked for. */
    Class<? extends Records> value();
}
