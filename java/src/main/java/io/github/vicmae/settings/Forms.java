package io.github.vicmae.settings;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.List;

/** On an interface: which records a setting of this type may be. */
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

    /** Made once for each use. */
    Class<? extends Records> value();
}
