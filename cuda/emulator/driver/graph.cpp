// Graphs: captured once, launched as one operation of a stream. Nodes of different streams of the capture run in a random order that their
// dependencies allow, each in a queue number of its own, so that a race between two branches is seen as one between two streams is.

#include <random>

#include "driver.h"

using namespace emulator;

namespace {

// One launch of a graph: its nodes and their places.
struct Plan {
  std::vector<Node> nodes;
  std::vector<Order> orders;
  std::vector<std::pair<Queue*, uint32_t>> ends;  // what each lane has completed when all is done
  int failing = -1;                               // the node that fails because a fault is injected
};

Result run_plan(const Plan& plan, const Order& order) {
  const size_t count = plan.nodes.size();
  std::vector<bool> done(count, false);
  std::mt19937_64 random(options().seed + order.index);
  for (size_t left = count; left > 0; left--) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < count; i++) {
      bool can = !done[i];
      for (int node : plan.nodes[i].after) can = can && done[node];
      if (can) ready.push_back(i);
    }
    const size_t next = ready[random() % ready.size()];
    if (static_cast<int>(next) == plan.failing) {
      log(plan.nodes[next].what + " failed, as the option fail_launch asked for.");
      return LAUNCH_FAILED;
    }
    if (const Result r = plan.nodes[next].body(plan.orders[next])) return r;
    done[next] = true;
  }
  for (const auto& [lane, completed] : plan.ends) lane->completed = completed;
  return SUCCESS;
}

// Gives each node its place behind `base`; answers what is done when all nodes are.
Clock place(const GraphExec& exec, const Clock& base, Plan* plan) {
  Clock all;
  std::vector<Clock> clocks;
  for (const Node& node : exec.nodes) {
    Queue* const lane = exec.lanes[node.lane];
    Order order;
    order.stream = lane->number;
    order.index = ++lane->submitted;
    order.seen = base;
    for (int before : node.after) merge(order.seen, clocks[before]);
    if (order.seen.size() <= lane->number) order.seen.resize(lane->number + 1, 0);
    order.seen[lane->number] = order.index - 1;
    clocks.push_back(order.seen);
    clocks.back()[lane->number] = order.index;
    merge(all, clocks.back());
    plan->orders.push_back(std::move(order));
  }
  for (Queue* lane : exec.lanes) {
    lane->clock = all;
    plan->ends.emplace_back(lane, lane->submitted);
  }
  return all;
}

int instantiate(const char* name, uint64_t* exec, uint64_t graph_handle) {
  return enter(name, Need::CONTEXT, [&](Call& call) -> Result {
    if (exec == nullptr) return call.null("phGraphExec");
    const std::shared_ptr<Graph> graph = driver().graphs.find(graph_handle);
    if (graph == nullptr) return call.bad_handle(graph_handle, Kind::GRAPH);
    const auto made = std::make_shared<GraphExec>();
    made->context = graph->context;
    made->nodes = graph->nodes;
    for (int i = 0; i < graph->lanes; i++) made->lanes.push_back(driver().scheduler.open(graph->context, false));
    *exec = driver().graph_execs.add(made);
    return SUCCESS;
  });
}

// Counts the kernels of a launch against injected faults.
Fault count_launches(const GraphExec& exec, Plan* plan) {
  for (size_t i = 0; i < exec.nodes.size(); i++) {
    if (!exec.nodes[i].launch) continue;
    const Fault fault = count_launch();
    if (fault == Fault::LOSE) return fault;
    if (fault == Fault::FAIL) plan->failing = static_cast<int>(i);
  }
  return Fault::NONE;
}

}  // namespace

EXPORT int cuGraphInstantiateWithFlags(uint64_t* exec, uint64_t graph, unsigned long long) { return instantiate(__func__, exec, graph); }

// The older form, which tells where it failed.
EXPORT int cuGraphInstantiate_v2(uint64_t* exec, uint64_t graph, uint64_t* error_node, char* message, size_t bytes) {
  if (error_node != nullptr) *error_node = 0;
  if (message != nullptr && bytes > 0) message[0] = 0;
  return instantiate(__func__, exec, graph);
}
ALIAS(cuGraphInstantiate, cuGraphInstantiate_v2);

EXPORT int cuGraphLaunch(uint64_t exec_handle, uint64_t stream_handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    const std::shared_ptr<GraphExec> exec = driver().graph_execs.find(exec_handle);
    if (exec == nullptr) return call.bad_handle(exec_handle, Kind::GRAPH_EXEC);
    std::shared_ptr<Stream> stream;
    if (const Result r = find_stream(call, stream_handle, &stream)) return r;
    if (const Result r = refuse_on_capturing(call, *stream, "the launch of another graph")) return r;
    const auto plan = std::make_shared<Plan>();
    if (count_launches(*exec, plan.get()) == Fault::LOSE) return lose_device(call);
    plan->nodes = exec->nodes;
    Clock seen = before(*stream);
    merge(seen, exec->last);
    const Clock all = place(*exec, seen, plan.get());
    const Body body = [plan](const Order& order) { return run_plan(*plan, order); };
    driver().scheduler.submit(stream->queue, std::move(seen), body, nullptr, all);
    exec->last = stream->queue->clock;
    return SUCCESS;
  });
}

EXPORT int cuGraphUpload(uint64_t exec, uint64_t stream_handle) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (driver().graph_execs.find(exec) == nullptr) return call.bad_handle(exec, Kind::GRAPH_EXEC);
    std::shared_ptr<Stream> stream;
    return find_stream(call, stream_handle, &stream);
  });
}

EXPORT int cuGraphExecDestroy(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    const std::shared_ptr<GraphExec> exec = driver().graph_execs.find(handle);
    if (exec == nullptr) return call.bad_handle(handle, Kind::GRAPH_EXEC);
    for (Queue* lane : exec->lanes) driver().scheduler.retire(lane);
    driver().graph_execs.erase(handle);
    return SUCCESS;
  });
}

EXPORT int cuGraphDestroy(uint64_t handle) {
  return enter(__func__, Need::RELEASE, [&](Call& call) -> Result {
    if (driver().graphs.find(handle) == nullptr) return call.bad_handle(handle, Kind::GRAPH);
    driver().graphs.erase(handle);
    return SUCCESS;
  });
}

// With `nodes` null, how many there are; else up to *count of them.
EXPORT int cuGraphGetNodes(uint64_t handle, uint64_t* nodes, size_t* count) {
  return enter(__func__, Need::CONTEXT, [&](Call& call) -> Result {
    if (count == nullptr) return call.null("numNodes");
    const std::shared_ptr<Graph> graph = driver().graphs.find(handle);
    if (graph == nullptr) return call.bad_handle(handle, Kind::GRAPH);
    if (nodes == nullptr) {
      *count = graph->nodes.size();
      return SUCCESS;
    }
    // A node's handle only has to be its own: no call of this driver takes one.
    for (size_t i = 0; i < *count; i++) nodes[i] = i < graph->nodes.size() ? handle + ((i + 1) << 24) : 0;
    if (*count > graph->nodes.size()) *count = graph->nodes.size();
    return SUCCESS;
  });
}
