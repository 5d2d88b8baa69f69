package io.github.vicmae.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Defines a setting, once: the record component that carries it gives its type and, with those of the records around it, its key
 * ({@code model.trunk.patch}); this gives the rest. Settings files, the command line and its help all read it from here.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {
    /** What it is, for the command line's help. */
    String description();

    /** The option that sets it, such as {@code --patch}; empty for a setting that has none. */
    String flag() default "";

    /**
     * The form of its value in help, such as {@code fp32|bf16}. A boolean without one is a switch: giving the option turns the
     * default around.
     */
    String label() default "";

    /** Its default as text; empty where a preset, or something that only the command knows, decides. */
    String value() default "";

    /** How help words the default where {@link #value()} does not hold it. */
    String shownDefault() default "";

    /** The values that it may have, as an interval such as {@code [0, 1)} or {@code (0, inf)}. */
    String range() default "(-inf, inf)";

    /** The value, as JSON, to assume for files written before this setting was introduced; empty if it has always existed. */
    String former() default "";
}
