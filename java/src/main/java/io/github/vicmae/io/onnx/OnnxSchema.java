package io.github.vicmae.io.onnx;

import io.github.vicmae.io.DType;

/**
 * Field numbers of ONNX's messages, by message and field, as <a href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</a> numbers them:
 * those that a model of one graph needs.
 */
final class OnnxSchema {
    /** The version of the format that came with operator set 17 (ONNX 1.12). */
    static final int IR_VERSION = 8;

    static final int OPSET = 17;

    static final int MODEL_IR_VERSION = 1;
    static final int MODEL_PRODUCER_NAME = 2;
    static final int MODEL_PRODUCER_VERSION = 3;
    static final int MODEL_GRAPH = 7;
    static final int MODEL_OPSET_IMPORT = 8;
    static final int MODEL_METADATA_PROPS = 14;

    static final int OPSET_DOMAIN = 1;
    static final int OPSET_VERSION = 2;

    static final int ENTRY_KEY = 1;
    static final int ENTRY_VALUE = 2;

    static final int GRAPH_NODE = 1;
    static final int GRAPH_NAME = 2;
    static final int GRAPH_INITIALIZER = 5;
    static final int GRAPH_INPUT = 11;
    static final int GRAPH_OUTPUT = 12;

    static final int NODE_INPUT = 1;
    static final int NODE_OUTPUT = 2;
    static final int NODE_NAME = 3;
    static final int NODE_OP_TYPE = 4;
    static final int NODE_ATTRIBUTE = 5;

    static final int ATTRIBUTE_NAME = 1;
    static final int ATTRIBUTE_FLOAT = 2;
    static final int ATTRIBUTE_INT = 3;
    static final int ATTRIBUTE_INTS = 8;
    static final int ATTRIBUTE_TYPE = 20;
    static final int TYPE_FLOAT = 1;
    static final int TYPE_INT = 2;
    static final int TYPE_INTS = 7;

    static final int TENSOR_DIMS = 1;
    static final int TENSOR_DATA_TYPE = 2;
    static final int TENSOR_NAME = 8;
    static final int TENSOR_RAW_DATA = 9;
    static final int TENSOR_EXTERNAL_DATA = 13;
    static final int TENSOR_DATA_LOCATION = 14;
    static final int LOCATION_EXTERNAL = 1;

    static final int VALUE_NAME = 1;
    static final int VALUE_TYPE = 2;
    static final int TYPE_TENSOR = 1;
    static final int TENSOR_TYPE_ELEMENT = 1;
    static final int TENSOR_TYPE_SHAPE = 2;
    static final int SHAPE_DIM = 1;
    static final int DIM_VALUE = 1;
    static final int DIM_PARAM = 2;

    private OnnxSchema() {}

    /** The number of an element type. */
    static int number(DType type) {
        return switch (type) {
            case F32 -> 1;
            case U8 -> 2;
            case I8 -> 3;
            case U16 -> 4;
            case I16 -> 5;
            case I32 -> 6;
            case I64 -> 7;
            case BOOL -> 9;
            case F16 -> 10;
            case F64 -> 11;
            case U32 -> 12;
            case U64 -> 13;
            case BF16 -> 16;
        };
    }

    /** The element type of a number; null if it is none of ours. */
    static DType type(int number) {
        for (DType type : DType.values()) {
            if (number(type) == number) {
                return type;
            }
        }
        return null;
    }
}
