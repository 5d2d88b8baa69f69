package io.github.vicmae.io;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the part of Python's pickle format (protocols 2 to 5) that PyTorch checkpoints are made of. Nothing is executed:
 * a global is only a name, and calling one gives a {@link Call}, which says what would have been called with what.
 *
 * <p>Values become: None null, int Long, float Double, bool Boolean, str String, bytes byte[], tuple Object[], list and
 * set {@link PyList}, dict {@link PyDict}, persistent id {@link PersistentId}. An integer beyond 64 bits becomes its
 * bytes. The number of opcodes bounds the memory: none makes more than one object.
 *
 * @see <a href="https://docs.python.org/3/library/pickletools.html">The opcodes</a>
 */
final class Pickle {
    /** A name that the pickle refers to, such as {@code torch.FloatStorage}. */
    record Global(String name) {}

    /** A value that only a call could make: the callee's name and its arguments. */
    static final class Call {
        final String callee;
        final Object[] arguments;

        Call(String callee, Object[] arguments) {
            this.callee = callee;
            this.arguments = arguments;
        }
    }

    /** A reference to something outside of the pickle. */
    static final class PersistentId {
        final Object id;

        PersistentId(Object id) {
            this.id = id;
        }
    }

    /** A list, or a set in the order of its insertions. Unlike a Java list it is only equal to itself. */
    static final class PyList {
        private List<Object> items = List.of();

        void addAll(Object[] added) {
            if (items.isEmpty()) {
                items = new ArrayList<>(added.length);
            }
            Collections.addAll(items, added);
        }
    }

    /** A dictionary. Entries whose key is not a string or an integer are dropped: a container could contain itself. */
    static final class PyDict {
        private Map<Object, Object> entries = Map.of();

        Map<Object, Object> entries() {
            return entries;
        }

        void put(Object key, Object value) {
            if (key instanceof String || key instanceof Long) {
                if (entries.isEmpty()) {
                    entries = new LinkedHashMap<>();
                }
                entries.put(key, value);
            }
        }
    }

    /** Far more than the largest checkpoint needs; it bounds the objects that a hostile one can make. */
    private static final int MOST_OPCODES = 1 << 20;

    private static final Object MARK = new Object();
    private final ByteBuffer in;
    private final ArrayList<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private Pickle(byte[] bytes) {
        in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Reads one pickled value.
     *
     * @throws IOException if the bytes end early, contradict themselves or use an opcode that checkpoints do not need
     */
    static Object read(byte[] bytes) throws IOException {
        Pickle pickle = new Pickle(bytes);
        try {
            return pickle.run();
        } catch (BufferUnderflowException e) {
            throw new IOException("the pickle ends early", e);
        }
    }

    private Object run() throws IOException {
        for (int count = 0; count < MOST_OPCODES; count++) {
            int at = in.position();
            int opcode = in.get() & 0xff;
            if (opcode == '.') {
                return pop();
            }
            if (!literal(opcode) && !container(opcode) && !reference(opcode) && !call(opcode)) {
                throw new IOException("the pickle has opcode 0x" + Integer.toHexString(opcode) + " at byte " + at
                        + ", which checkpoints do not need");
            }
        }
        throw new IOException("the pickle has more than " + MOST_OPCODES + " opcodes");
    }

    /** Numbers, texts, bytes and constants. */
    private boolean literal(int opcode) throws IOException {
        switch (opcode) {
            case 0x80 -> protocol(in.get() & 0xff);
            case 0x95 -> in.getLong(); // frames only help to read ahead
            case 'N' -> push(null);
            case 0x88 -> push(true);
            case 0x89 -> push(false);
            case 'J' -> push((long) in.getInt());
            case 'K' -> push(in.get() & 0xffL);
            case 'M' -> push(in.getShort() & 0xffffL);
            case 0x8a -> push(integer(bytes(in.get() & 0xff)));
            case 0x8b -> push(integer(bytes(in.getInt())));
            case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
            case 'X' -> push(text(in.getInt() & 0xffffffffL));
            case 0x8c -> push(text(in.get() & 0xff));
            case 0x8d -> push(text(in.getLong()));
            case 'T' -> push(bytes(in.getInt()));
            case 'U', 'C' -> push(bytes(in.get() & 0xff));
            case 'B' -> push(bytes(in.getInt() & 0xffffffffL));
            case 0x8e, 0x96 -> push(bytes(in.getLong()));
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Tuples, lists, sets and dictionaries. */
    private boolean container(int opcode) throws IOException {
        switch (opcode) {
            case '(' -> push(MARK);
            case ')' -> push(new Object[0]);
            case 't' -> push(popToMark());
            case 0x85 -> push(popTuple(1));
            case 0x86 -> push(popTuple(2));
            case 0x87 -> push(popTuple(3));
            case ']', 0x8f -> push(new PyList());
            case 'l', 0x91 -> {
                Object[] items = popToMark();
                PyList list = new PyList();
                list.addAll(items);
                push(list);
            }
            case 'a' -> append(popTuple(1));
            case 'e', 0x90 -> append(popToMark());
            case '}' -> push(new PyDict());
            case 'd' -> {
                Object[] items = popToMark();
                push(new PyDict());
                setItems(items);
            }
            case 's' -> setItems(popTuple(2));
            case 'u' -> setItems(popToMark());
            default -> {
                return false;
            }
        }
        return true;
    }

    /** The memo, the stack and names. */
    private boolean reference(int opcode) throws IOException {
        switch (opcode) {
            case 'q' -> memo.put(in.get() & 0xff, top());
            case 'r' -> memo.put(in.getInt(), top());
            case 0x94 -> memo.put(memo.size(), top());
            case 'h' -> push(recall(in.get() & 0xff));
            case 'j' -> push(recall(in.getInt()));
            case '0' -> pop();
            case '1' -> popToMark();
            case '2' -> push(top());
            case 'c' -> push(new Global(line() + "." + line()));
            case 0x93 -> {
                Object[] name = popTuple(2);
                push(new Global(string(name[0]) + "." + string(name[1])));
            }
            case 'Q' -> push(new PersistentId(pop()));
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What Python would execute; here it is only noted. */
    private boolean call(int opcode) throws IOException {
        switch (opcode) {
            case 'R', 0x81 -> {
                Object[] pair = popTuple(2);
                push(called(pair[0], pair[1]));
            }
            case 0x92 -> {
                Object[] triple = popTuple(3);
                push(called(triple[0], triple[1]));
            }
            case 'b' -> {
                // Attributes of objects are of no use to a reader of tensors.
                pop();
                top();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static Object called(Object callee, Object arguments) throws IOException {
        if (!(callee instanceof Global global) || !(arguments instanceof Object[] tuple)) {
            throw new IOException("the pickle calls something that is not a name with a tuple");
        }
        return switch (global.name) {
            case "collections.OrderedDict" -> new PyDict();
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state" ->
                tuple.length == 0 ? new Call(global.name, tuple) : tuple[0];
            default -> new Call(global.name, tuple);
        };
    }

    private static void protocol(int version) throws IOException {
        if (version < 2 || version > 5) {
            throw new IOException("the pickle has protocol " + version + "; 2 to 5 can be read");
        }
    }

    private byte[] bytes(long count) throws IOException {
        if (count < 0 || count > in.remaining()) {
            throw new IOException("the pickle has a text or bytes beyond its end");
        }
        byte[] bytes = new byte[(int) count];
        in.get(bytes);
        return bytes;
    }

    private String text(long count) throws IOException {
        return new String(bytes(count), StandardCharsets.UTF_8);
    }

    private String line() throws IOException {
        int start = in.position();
        while (in.get() != '\n') {
            if (in.position() - start > 1000) {
                throw new IOException("the pickle has a name of more than 1000 characters");
            }
        }
        return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
    }

    private static Object integer(byte[] littleEndian) {
        if (littleEndian.length > Long.BYTES) {
            return littleEndian;
        }
        long value = 0;
        for (int i = littleEndian.length - 1; i >= 0; i--) {
            value = value << 8 | (i == littleEndian.length - 1 ? littleEndian[i] : littleEndian[i] & 0xff);
        }
        return value;
    }

    private static String string(Object value) throws IOException {
        if (value instanceof String text) {
            return text;
        }
        throw new IOException("the pickle has a name that is not a text");
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object top() throws IOException {
        if (stack.isEmpty() || stack.get(stack.size() - 1) == MARK) {
            throw new IOException("the pickle takes a value from an empty stack");
        }
        return stack.get(stack.size() - 1);
    }

    private Object pop() throws IOException {
        Object value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private Object[] popTuple(int count) throws IOException {
        Object[] values = new Object[count];
        for (int i = count - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return values;
    }

    private Object[] popToMark() throws IOException {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw new IOException("the pickle misses a mark");
        }
        List<Object> above = stack.subList(mark + 1, stack.size());
        Object[] values = above.toArray();
        stack.subList(mark, stack.size()).clear();
        return values;
    }

    private Object recall(int index) throws IOException {
        Object value = memo.get(index);
        if (value == null && !memo.containsKey(index)) {
            throw new IOException("the pickle refers to memo " + index + ", which is not set");
        }
        return value;
    }

    private void append(Object[] items) throws IOException {
        if (top() instanceof PyList list) {
            list.addAll(items);
        } else if (!(top() instanceof Call)) {
            throw new IOException("the pickle appends to something that is not a list");
        }
    }

    private void setItems(Object[] items) throws IOException {
        if (items.length % 2 != 0) {
            throw new IOException("the pickle has a key without a value");
        }
        Object target = top();
        for (int i = 0; i < items.length; i += 2) {
            if (target instanceof PyDict dict) {
                dict.put(items[i], items[i + 1]);
            } else if (!(target instanceof Call)) {
                throw new IOException("the pickle sets an item of something that is not a dictionary");
            }
        }
    }
}
