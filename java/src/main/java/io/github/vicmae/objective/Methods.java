package io.github.vicmae.objective;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.DatabindContext;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.jsontype.impl.TypeIdResolverBase;
import io.github.vicmae.settings.Forms;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** The methods that there are: this library's, and those that the program brings. */
public final class Methods {
    private static final List<Method> ALL = load();

    private Methods() {}

    private static List<Method> load() {
        Map<String, Method> found = new LinkedHashMap<>();
        for (Method own : new Method[] {
            new ViCMaeConfig.Published(),
            new MaeConfig.Published(),
            new StMaeConfig.Published(),
            new OmniMaeConfig.Published(),
            new ClassifierConfig.FineTuning()
        }) {
            found.put(own.name(), own);
        }
        // A container may keep the program's own classes in another loader than this library.
        ServiceLoader.load(Method.class, Method.class.getClassLoader()).forEach(m -> found.putIfAbsent(m.name(), m));
        ServiceLoader.load(Method.class).forEach(m -> found.putIfAbsent(m.name(), m));
        return List.copyOf(found.values());
    }

    /** Those of pre-training, this library's first. */
    public static List<Method> all() {
        return ALL.stream().filter(Method::hasDecoder).toList();
    }

    /** Their names, separated by commas. */
    public static String names() {
        return all().stream().map(Method::name).collect(Collectors.joining(", "));
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

    /** The records of all methods' settings, told apart by their {@code method}. */
    public static final class Records implements Forms.Records {
        /** Made by {@link io.github.vicmae.settings.Definitions}. */
        public Records() {}

        @Override
        public List<Class<?>> all() {
            return ALL.stream().<Class<?>>map(Method::settings).toList();
        }

        @Override
        public Class<?> of(JsonNode object) {
            String name = object.path("method").asText();
            return ALL.stream()
                    .filter(m -> m.name().equals(name))
                    .findFirst()
                    .map(Method::settings)
                    .orElse(null);
        }
    }

    /** Reads and writes the JSON property {@code method}, which says which record the settings are. */
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
