package io.github.vicmae.io;

import io.github.vicmae.io.Pickle.Call;
import io.github.vicmae.io.Pickle.Global;
import io.github.vicmae.io.Pickle.PyDict;
import java.io.IOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the state dict in what a training program saved: the pickled dictionary itself, or one inside it under a usual
 * name such as {@code model} or {@code state_dict}, however deep. The trained weights take precedence over their moving average.
 */
final class PickledState {
    private static final String TENSOR_MAKERS = "torch._utils._rebuild_";
    private static final List<String> USUAL_NAMES = List.of(
            "model",
            "state_dict",
            "model_state_dict",
            "model_state",
            "module",
            "net",
            "network",
            "model_ema",
            "state_dict_ema",
            "model_ema_state_dict",
            "ema_state_dict",
            "ema",
            // Self-distillation: the average is what its authors use.
            "teacher",
            "student");
    private static final int MOST_LEVELS = 8;
    private static final int MOST_NAME_CHARACTERS = 1000;
    private static final int LISTED = 8;

    private final Map<String, Call> tensors = new LinkedHashMap<>();
    private final Map<String, String> passedOver = new LinkedHashMap<>();
    /** Which dictionaries hold tensors, so that each is looked through once, however often the pickle refers to it. */
    private final Map<PyDict, Boolean> searched = new IdentityHashMap<>();

    /**
     * @param value what the pickle holds
     * @throws IOException if there is no state dict with tensors in it, or more than one and no usual name tells which is meant
     */
    static PickledState of(Object value) throws IOException {
        if (!(value instanceof PyDict top)) {
            throw new IOException("its pickle is not a dictionary but " + describe(value) + "; save a state_dict()");
        }
        PickledState found = new PickledState();
        found.take(top);
        return found;
    }

    /** The state dict's tensors by name, as the calls that make them. */
    Map<String, Call> tensors() {
        return tensors;
    }

    /** What else the state dict has, and other state dicts beside it: each name with a few words. */
    Map<String, String> passedOver() {
        return passedOver;
    }

    private void take(PyDict top) throws IOException {
        PyDict state = find(top);
        for (Map.Entry<Object, Object> entry : state.entries().entrySet()) {
            String name = String.valueOf(entry.getKey());
            if (name.length() > MOST_NAME_CHARACTERS) {
                throw new IOException("its state dict has a name of " + name.length() + " characters");
            }
            if (isTensor(entry.getValue())) {
                tensors.put(name, (Call) entry.getValue());
            } else {
                passedOver.put(name, describe(entry.getValue()));
            }
        }
        if (state.entries().isEmpty()) {
            throw new IOException("its state dict is empty");
        }
        if (tensors.isEmpty()) {
            throw noTensors(passedOver);
        }
    }

    /** Says that a state dict has entries, and none of them is a tensor that can be read. */
    static IOException noTensors(Map<String, String> entries) {
        List<String> words = new ArrayList<>();
        entries.entrySet().stream().limit(LISTED).forEach(e -> words.add(e.getKey() + " is " + e.getValue()));
        String more = entries.size() > LISTED ? ", and " + (entries.size() - LISTED) + " more" : "";
        return new IOException("it holds no tensors that can be read: " + String.join(", ", words) + more);
    }

    private PyDict find(PyDict top) throws IOException {
        PyDict at = top;
        for (int level = 0; level < MOST_LEVELS; level++) {
            Map<String, PyDict> inside = dictionariesWithTensors(at, MOST_LEVELS - level);
            String chosen =
                    USUAL_NAMES.stream().filter(inside::containsKey).findFirst().orElse(null);
            if (chosen == null && (holdsTensors(at) || inside.isEmpty())) {
                return at;
            }
            if (chosen == null && inside.size() > 1) {
                throw new IOException("it holds several state dicts, and none under a usual name: "
                        + String.join(", ", inside.keySet()) + "; save the one that is meant by itself");
            }
            String name = chosen != null ? chosen : inside.keySet().iterator().next();
            inside.keySet().stream()
                    .filter(other -> !other.equals(name) && USUAL_NAMES.contains(other))
                    .forEach(other -> passedOver.put(other, "another state dict"));
            at = inside.get(name);
        }
        return at;
    }

    private Map<String, PyDict> dictionariesWithTensors(PyDict in, int levels) {
        Map<String, PyDict> found = new LinkedHashMap<>();
        in.entries().forEach((key, value) -> {
            if (key instanceof String name && value instanceof PyDict inner && holdsTensors(inner, levels)) {
                found.put(name, inner);
            }
        });
        return found;
    }

    /** A dictionary may contain itself, so the search ends at some depth. */
    private boolean holdsTensors(PyDict dict, int levels) {
        Boolean known = searched.get(dict);
        if (known == null) {
            searched.put(dict, false);
            known = holdsTensors(dict)
                    || levels > 0
                            && USUAL_NAMES.stream()
                                    .anyMatch(name -> dict.entries().get(name) instanceof PyDict inner
                                            && holdsTensors(inner, levels - 1));
            searched.put(dict, known);
        }
        return known;
    }

    /** Under names: an optimizer's state has its tensors under numbers. */
    private static boolean holdsTensors(PyDict dict) {
        return dict.entries().entrySet().stream().anyMatch(e -> e.getKey() instanceof String && isTensor(e.getValue()));
    }

    private static boolean isTensor(Object value) {
        return value instanceof Call call && call.callee.startsWith(TENSOR_MAKERS);
    }

    private static String describe(Object value) {
        if (value instanceof PyDict) {
            return "a dictionary";
        }
        if (value == null) {
            return "None";
        }
        if (value instanceof Long || value instanceof Double || value instanceof Boolean) {
            return String.valueOf(value);
        }
        if (value instanceof Call call) {
            return "made by " + call.callee + ", which was not executed";
        }
        return value instanceof Global global ? "the name " + global.name() : "a text, a list or an object";
    }
}
