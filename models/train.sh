#!/bin/sh
# Makes concrete-v4 again: about two hours on two cores.
# Usage, in a clone with all extras installed: sh models/train.sh DATASETS WEIGHTS WORK
#   DATASETS: the folder with the datasets that models/README.md names
#   WEIGHTS:  Keras' ImageNet weights of MobileNetV2 without its top (.h5)
#   WORK:     a folder for the models
set -eu
datasets=$1 weights=$2 work=$3
mkdir -p "$work"
# concrete-v3, from which one of the trainings begins, is in the history of this project
git archive 0411c3e models/concrete-v3 | tar -x -C "$work" --strip-components=1

data="$datasets/metu $datasets/uav-crack $datasets/sdnet2018-deck $datasets/sdnet2018-pavement $datasets/mdmcs
  $datasets/deck-tined-scan $datasets/deck-jointed-uav $datasets/concrete-light $datasets/facade-mortar
  $datasets/formwork-saltspot $datasets/road-photos models/metu-corrections.csv models/corrections.csv"

train() { # NAME, then the options that differ
  name=$1
  shift
  # shellcheck disable=SC2086
  crackscan train $data -o "$work/$name" --options models/training.toml --no-lines "$@" \
    --block 500 --block-gap 50 --group-by uav-crack=run:20 --group-by 'sdnet2018-deck=(\d+)-' \
    --group-by 'sdnet2018-pavement=(\d+)-' --group-by 'deck-tined-scan=/([^/_]+)_' \
    --group-by 'deck-jointed-uav=/([^/_]+)_' --group-by 'concrete-light=/([^/_]+)_' \
    --group-by facade-mortar=run:20 --group-by formwork-saltspot=run:20 \
    --cite 'metu=Ç. F. Özgenel, Concrete Crack Images for Classification, Mendeley Data, 5y9wdsg2zt v2. CC BY 4.0' \
    --cite 'uav-crack=246 drone photos of real structures with crack masks. CC0' \
    --cite 'sdnet2018-deck=M. Maguire, S. Dorafshan, R. Thomas, SDNET2018, doi 10.15142/T3TD19. CC BY 4.0' \
    --cite 'sdnet2018-pavement=M. Maguire, S. Dorafshan, R. Thomas, SDNET2018, doi 10.15142/T3TD19, by way of harishhasti95/crack-Measurement. CC BY 4.0' \
    --cite 'mdmcs=P. Guo, Y. Bao, MDMCS: A Benchmark Dataset for Multi-Damage Monitoring of Concrete Structures, Mendeley Data, 6x4dzzrs2h v2. CC BY 4.0' \
    --cite 'deck-tined-scan=bridging-big-data/model-crack, UAVCRACK. MIT' \
    --cite 'deck-jointed-uav=bridging-big-data/model-crack, UAVCRACK. MIT' \
    --cite 'concrete-light=bridging-big-data/model-crack, UAVCRACK. MIT' \
    --cite 'facade-mortar=Inteli and IPT, Inteli-College/2025-1B-T12-EC06-G02, Roboflow deteccao-de-fissuras v2. CC BY 4.0' \
    --cite 'formwork-saltspot=Guzmán-Torres et al. 2025, doi 10.1016/j.matcom.2025.02.003, JaGuzmanT/SaltSpot. MIT' \
    --cite 'road-photos=SUT-Crack, Mendeley Data, gsbmknrhkv; CrackNJ156, Zenodo 6526409; by way of large-road-damage-datalake. CC BY 4.0'
}

train from-imagenet --weights "$weights" --epochs 5
train v3-continued --weights "$work/concrete-v3" --epochs 7
# shellcheck disable=SC2086
{
  crackscan model average "$work/v3-continued" $data --with "$work/from-imagenet" -o "$work/concrete-v4" --no-lines
  crackscan model add-lines "$work/concrete-v4" $data --samples 1200 --steps 500 --left-out
  crackscan model leave-one-out "$work/concrete-v4" $data --weights "$weights" --steps 350 --widths \
    --leave-out uav-crack,facade-mortar+formwork-saltspot \
    --leave-out deck-tined-scan,deck-jointed-uav,concrete-light \
    --leave-out sdnet2018-deck+sdnet2018-pavement,mdmcs,road-photos
  crackscan model calibrate "$work/concrete-v4" $data
}
