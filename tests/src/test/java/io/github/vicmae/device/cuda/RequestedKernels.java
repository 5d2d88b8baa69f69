package io.github.vicmae.device.cuda;

import io.github.vicmae.device.Device;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Graph;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Kernel;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.Kernels;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.TreeSet;

/** Which kernels the families ask a device for when they are made, and which classes ask. */
public final class RequestedKernels {
    record Request(String module, String name, String signature) implements Comparable<Request> {
        @Override
        public int compareTo(Request other) {
            return toString().compareTo(other.toString());
        }
    }

    private final Set<Request> requests = new TreeSet<>();
    private final Set<String> classes = new TreeSet<>();
    private final Device device;

    private RequestedKernels(Device.Kind kind) {
        device = (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(),
                new Class<?>[] {Device.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "kernel" -> kernel((String) arguments[0], (String) arguments[1], (String) arguments[2]);
                    case "kind" -> kind;
                    case "partialBlocks" -> 1;
                    case "newStream" -> new IdleStream();
                    default -> throw new UnsupportedOperationException(method + " while the families are made");
                });
    }

    /** Makes all families on a device of this kind. */
    static RequestedKernels of(Device.Kind kind) {
        RequestedKernels requested = new RequestedKernels(kind);
        Kernels.onNewStream(requested.device).stream().close();
        return requested;
    }

    /** The names of all kernels of the library. */
    public static Set<String> names() {
        Set<String> names = new TreeSet<>();
        of(Device.Kind.CUDA).requests.forEach(r -> names.add(r.name()));
        return names;
    }

    Set<Request> requests() {
        return requests;
    }

    /** The names of the classes that asked. */
    Set<String> classes() {
        return classes;
    }

    private Kernel kernel(String module, String name, String signature) {
        requests.add(new Request(module, name, signature));
        classes.add(StackWalker.getInstance().walk(frames -> frames.map(StackWalker.StackFrame::getClassName)
                .filter(c -> c.startsWith("io.github.vicmae.")
                        && !c.startsWith(getClass().getName()))
                .findFirst()
                .orElseThrow()));
        return new Kernel(name, signature, 0);
    }

    private static AssertionError used() {
        return new AssertionError("A family of kernels gives its stream work while it is made");
    }

    /** A stream on which nothing is done. */
    private final class IdleStream extends Stream {
        @Override
        public Device device() {
            return device;
        }

        @Override
        protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
            throw used();
        }

        @Override
        public boolean multiply(Product product) {
            throw used();
        }

        @Override
        public void zero(Tensor tensor) {
            throw used();
        }

        @Override
        public void upload(Tensor tensor, HostBuffer from, long offset) {
            throw used();
        }

        @Override
        public void download(HostBuffer to, long offset, Tensor tensor) {
            throw used();
        }

        @Override
        public void copy(Tensor to, Tensor from) {
            throw used();
        }

        @Override
        public Graph record(Runnable work) {
            throw used();
        }

        @Override
        public void waitFor(Event event) {
            throw used();
        }

        @Override
        public void synchronize() {
            throw used();
        }
    }
}
