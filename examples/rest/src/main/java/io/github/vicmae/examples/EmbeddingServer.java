package io.github.vicmae.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.vicmae.data.image.Image;
import io.github.vicmae.data.image.ImageReader;
import io.github.vicmae.data.source.Content;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.eval.BatchingEncoder;
import io.github.vicmae.eval.BatchingOptions;
import io.github.vicmae.eval.Encoder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * {@code POST /embed} with a picture's bytes answers {"embedding":[...]}. Pictures of calls that come together are embedded together. The caller closes the
 * encoder after the server.
 */
public final class EmbeddingServer implements AutoCloseable {
    private static final int MAX_BYTES = 32 << 20;
    private static final int PATIENCE_SECONDS = 30;

    private static final int BATCH = 16;
    private static final Duration WAIT = Duration.ofMillis(2);

    private final BatchingEncoder front;
    private final HttpServer server;
    private final ExecutorService threads =
            Executors.newFixedThreadPool(4 * BATCH); // they wait for each other's pictures

    /** @param port 0 for any that is free */
    EmbeddingServer(Encoder encoder, int port) throws IOException {
        front = encoder.batching()
                .most(BATCH)
                .delay(WAIT)
                .whenFull(BatchingOptions.WhenFull.REJECT)
                .start();
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(threads);
        server.createContext("/embed", this::answer);
        server.start();
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 2 || !args[1].matches("\\d{1,5}")) {
            System.err.println("Name a model file and a port.");
            System.exit(2);
        }
        try {
            Device device = Device.auto();
            Encoder encoder = Encoder.load(Path.of(args[0]), device);
            EmbeddingServer server = new EmbeddingServer(encoder, Integer.parseInt(args[1]));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                server.close();
                encoder.close();
                device.close();
            }));
            System.out.println("Pictures are embedded at " + server.address() + "; Ctrl-C stops.");
            Thread.currentThread().join();
        } catch (IOException | DeviceException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    String address() {
        return "http://localhost:" + server.getAddress().getPort() + "/embed";
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().equals("POST")) {
                send(exchange, 400, "text/plain", "Send a picture's bytes with POST.");
                return;
            }
            byte[] picture = exchange.getRequestBody().readNBytes(MAX_BYTES + 1);
            if (picture.length > MAX_BYTES) {
                send(exchange, 400, "text/plain", "The picture has more than " + MAX_BYTES + " bytes.");
                return;
            }
            Image image;
            try {
                image = ImageReader.read(Content.of("in the request", picture), 3);
            } catch (IOException e) {
                send(exchange, 400, "text/plain", e.getMessage());
                return;
            }
            try {
                send(exchange, 200, "application/json", json(front.submit(image).get()));
            } catch (RejectedExecutionException | IllegalStateException e) {
                send(exchange, 503, "text/plain", e.getMessage());
            } catch (ExecutionException e) {
                send(exchange, 500, "text/plain", String.valueOf(e.getCause().getMessage()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static String json(float[] features) {
        return "{\"embedding\":" + Arrays.toString(features) + "}";
    }

    private static void send(HttpExchange exchange, int status, String type, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type + "; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    /** Takes no further calls, and returns when those in progress are answered, or after 30 seconds. */
    @Override
    public void close() {
        threads.shutdown();
        try {
            threads.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        server.stop(0);
        front.close();
    }
}
