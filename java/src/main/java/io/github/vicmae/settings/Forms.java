package io.github.vicmae.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.List;
import java.util.function.Supplier;

/** On an interface: where the records that a setting of this type may be are listed. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Forms {
    /** Made once; has a constructor without parameters. */
    Class<? extends Supplier<List<Class<?>>>> value();
}
