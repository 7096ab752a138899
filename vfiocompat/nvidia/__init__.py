# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's GPUs and vGPUs: what its library tells of them, and what that says.

metadata       what can be read of the metadata that its driver compares
compatibility  whether a GPU loads a vGPU, as its driver says it
gpus           a GPU, and a vGPU that runs, as they are recorded
told           the facts that they tell
placing        which GPU an endpoint is on, and which vGPU it is
vgpus          what endpoints of one GPU tell of each other

Pure. A module imports only those that stand before it.
"""
