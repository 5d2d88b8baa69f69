package io.github.vicmae.objective;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.DatabindContext;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.jsontype.impl.TypeIdResolverBase;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The methods that there are: this library's, and those of the program around it. */
public final class Methods {
    private static final List<Method> ALL = load();

    private Methods() {}

    private static List<Method> load() {
        List<Method> found = new ArrayList<>();
        ServiceLoader.load(Method.class, Method.class.getClassLoader()).forEach(found::add);
        return List.copyOf(found);
    }

    /** All of them, this library's first. */
    public static List<Method> all() {
        return ALL;
    }

    /** Their names, separated by commas. */
    public static String names() {
        return ALL.stream().map(Method::name).collect(Collectors.joining(", "));
    }

    /**
     * One of them.
     *
     * @throws IllegalArgumentException if there is no such method, naming those there are
     */
    public static Method named(String name) {
        for (Method method : ALL) {
            if (method.name().equals(name)) {
                return method;
            }
        }
        throw new IllegalArgumentException("There is no method '" + name + "': use " + names());
    }

    /** The records of all methods' settings. */
    public static final class Records implements Supplier<List<Class<?>>> {
        /** Made by {@link io.github.vicmae.settings.Definitions}. */
        public Records() {}

        @Override
        public List<Class<?>> get() {
            return ALL.stream().<Class<?>>map(Method::settings).toList();
        }
    }

    /** Reads and writes the name of a method as the type of its settings. */
    public static final class Resolver extends TypeIdResolverBase {
        @Override
        public String idFromValue(Object value) {
            return ((ObjectiveConfig) value).method();
        }

        @Override
        public String idFromValueAndType(Object value, Class<?> type) {
            return idFromValue(value);
        }

        @Override
        public JavaType typeFromId(DatabindContext context, String id) {
            return context.constructType(named(id).settings());
        }

        @Override
        public JsonTypeInfo.Id getMechanism() {
            return JsonTypeInfo.Id.CUSTOM;
        }
    }
}
