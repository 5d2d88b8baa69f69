package io.github.vicmae.io.onnx;

import io.github.vicmae.io.DType;
import io.github.vicmae.io.TensorInfo;
import io.github.vicmae.io.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An ONNX model of one graph, put together node by node: names of values are texts, and a node's result has the node's name. {@link OnnxWriter} writes
 * it.
 */
public final class OnnxGraph {
    /** What the names of constants begin with that are no tensors of the model. */
    static final String CONSTANT = "/";

    /** The name of the first dimension of inputs and outputs, whose size is left open. */
    private static final String BATCH = "batch";

    private final String name;
    private final List<Message> nodes = new ArrayList<>();
    private final List<Message> inputs = new ArrayList<>();
    private final List<Message> outputs = new ArrayList<>();
    private final List<Initializer> initializers = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Set<String> names = new LinkedHashSet<>();

    /** Fills chunks of a tensor's bytes, row-major and little-endian. */
    @FunctionalInterface
    interface Content {
        void read(long offset, ByteBuffer into) throws IOException;
    }

    /** A constant of the graph. */
    record Initializer(String name, DType dtype, long[] shape, long bytes, Content content) {}

    public OnnxGraph(String name) {
        this.name = name;
    }

    /** Adds a text to the model's metadata; a second value under one key replaces the first. */
    public OnnxGraph metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** Declares an input of floats, [batch, shape...]. */
    public String input(String value, long... shape) {
        take(value);
        inputs.add(value(value, shape));
        return value;
    }

    /** Declares a node's result an output, floats, [batch, shape...]. */
    public void output(String value, long... shape) {
        outputs.add(value(value, shape));
    }

    private static Message value(String name, long... shape) {
        Message dims = new Message().message(OnnxSchema.SHAPE_DIM, new Message().text(OnnxSchema.DIM_PARAM, BATCH));
        for (long size : shape) {
            dims.message(OnnxSchema.SHAPE_DIM, new Message().number(OnnxSchema.DIM_VALUE, size));
        }
        Message tensor = new Message()
                .number(OnnxSchema.TENSOR_TYPE_ELEMENT, OnnxSchema.number(DType.F32))
                .message(OnnxSchema.TENSOR_TYPE_SHAPE, dims);
        return new Message()
                .text(OnnxSchema.VALUE_NAME, name)
                .message(OnnxSchema.VALUE_TYPE, new Message().message(OnnxSchema.TYPE_TENSOR, tensor));
    }

    /** Adds a constant that is read from a file when the graph is written: the file has to stay open until then. */
    public String tensor(String value, TensorSource source, String nameInFile) throws IOException {
        TensorInfo info = source.info(nameInFile);
        return add(value, info.dtype(), info.shape(), (offset, into) -> source.read(nameInFile, offset, into));
    }

    /**
     * Adds a constant list of integers.
     *
     * @return its name, which is {@code /value}
     */
    public String longs(String value, long... values) {
        return add(
                CONSTANT + value, DType.I64, new long[] {values.length}, bytes(8 * values.length, b -> b.asLongBuffer()
                        .put(values)));
    }

    /** Adds a constant integer without dimensions; see {@link #longs}. */
    public String index(String value, long number) {
        return add(CONSTANT + value, DType.I64, new long[0], bytes(Long.BYTES, b -> b.putLong(0, number)));
    }

    /** Adds a constant number; see {@link #longs}. */
    public String scalar(String value, float number) {
        return add(CONSTANT + value, DType.F32, new long[0], bytes(Float.BYTES, b -> b.putFloat(0, number)));
    }

    private static Content bytes(int size, java.util.function.Consumer<ByteBuffer> fill) {
        ByteBuffer all = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        fill.accept(all);
        return (offset, into) -> into.put(all.slice((int) offset, into.remaining()));
    }

    private String add(String value, DType dtype, long[] shape, Content content) {
        take(value);
        long size = TensorInfo.sizeInBytes(shape, dtype);
        initializers.add(new Initializer(value, dtype, shape, size, content));
        return value;
    }

    /** Starts a node; {@link Node#of} adds it. */
    public Node node(String result, String operator) {
        return new Node(result, operator);
    }

    /** A node in the making. */
    public final class Node {
        private final String result;
        private final String operator;
        private final Message attributes = new Message();

        private Node(String result, String operator) {
            this.result = result;
            this.operator = operator;
        }

        public Node with(String attribute, long number) {
            return attribute(new Message()
                    .text(OnnxSchema.ATTRIBUTE_NAME, attribute)
                    .number(OnnxSchema.ATTRIBUTE_INT, number)
                    .number(OnnxSchema.ATTRIBUTE_TYPE, OnnxSchema.TYPE_INT));
        }

        public Node with(String attribute, float number) {
            return attribute(new Message()
                    .text(OnnxSchema.ATTRIBUTE_NAME, attribute)
                    .real(OnnxSchema.ATTRIBUTE_FLOAT, number)
                    .number(OnnxSchema.ATTRIBUTE_TYPE, OnnxSchema.TYPE_FLOAT));
        }

        public Node with(String attribute, long[] numbers) {
            return attribute(new Message()
                    .text(OnnxSchema.ATTRIBUTE_NAME, attribute)
                    .numbers(OnnxSchema.ATTRIBUTE_INTS, numbers)
                    .number(OnnxSchema.ATTRIBUTE_TYPE, OnnxSchema.TYPE_INTS));
        }

        private Node attribute(Message attribute) {
            attributes.message(OnnxSchema.NODE_ATTRIBUTE, attribute);
            return this;
        }

        /**
         * Adds the node.
         *
         * @param values its inputs
         * @return its result's name
         */
        public String of(String... values) {
            Message node = new Message();
            for (String value : values) {
                if (!names.contains(value)) {
                    throw new IllegalArgumentException(
                            "The node " + result + " needs " + value + ", which is not there");
                }
                node.text(OnnxSchema.NODE_INPUT, value);
            }
            take(result);
            node.text(OnnxSchema.NODE_OUTPUT, result)
                    .text(OnnxSchema.NODE_NAME, result)
                    .text(OnnxSchema.NODE_OP_TYPE, operator)
                    .fields(attributes);
            nodes.add(node);
            return result;
        }
    }

    private void take(String value) {
        if (!names.add(value)) {
            throw new IllegalArgumentException("There are two values named " + value);
        }
    }

    List<Initializer> initializers() {
        return initializers;
    }

    /** The model's fields but for the graph. */
    Message model(String producer) {
        Message model = new Message()
                .number(OnnxSchema.MODEL_IR_VERSION, OnnxSchema.IR_VERSION)
                .text(OnnxSchema.MODEL_PRODUCER_NAME, producer)
                .message(
                        OnnxSchema.MODEL_OPSET_IMPORT,
                        new Message()
                                .text(OnnxSchema.OPSET_DOMAIN, "")
                                .number(OnnxSchema.OPSET_VERSION, OnnxSchema.OPSET));
        metadata.forEach((key, value) -> model.message(
                OnnxSchema.MODEL_METADATA_PROPS,
                new Message().text(OnnxSchema.ENTRY_KEY, key).text(OnnxSchema.ENTRY_VALUE, value)));
        return model;
    }

    /** The graph's fields but for the initializers. */
    Message graph() {
        Message graph = new Message().text(OnnxSchema.GRAPH_NAME, name);
        nodes.forEach(node -> graph.message(OnnxSchema.GRAPH_NODE, node));
        inputs.forEach(input -> graph.message(OnnxSchema.GRAPH_INPUT, input));
        outputs.forEach(output -> graph.message(OnnxSchema.GRAPH_OUTPUT, output));
        return graph;
    }
}
