# The page on port 7860, without a GPU:
#     docker build -t flow-matching-playground .
#     docker run --rm -p 7860:7860 flow-matching-playground
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app

# PyTorch's index has builds without CUDA, far smaller, which pip prefers: 2.11.0+cpu counts as newer than 2.11.0
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt

COPY app.py .
COPY fm_core fm_core
COPY checkpoints checkpoints

USER user
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --start-period=2m CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/')"]
CMD ["python", "app.py"]
